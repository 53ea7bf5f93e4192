#include "edge/gateway/status_join.h"

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "http/client_connection.h"

namespace millrace::edge {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kUpstreamWait{1'500};
// What an upstream may say of itself. Deeper or longer is nonsense, and dangerous: a tree is copied
// and printed by recursion.
constexpr std::size_t kStateBytesMax = 64 * 1024;
constexpr int kStateDepthMax = 16;

// Discarded when it isn't JSON within those bounds.
Json parse_state(const std::string& text) {
  bool too_deep = text.size() > kStateBytesMax;
  if (too_deep) return {Json::value_t::discarded};
  Json state = Json::parse(
      text,
      [&too_deep](int depth, Json::parse_event_t, const Json&) {
        too_deep = too_deep || depth > kStateDepthMax;
        return !too_deep;
      },
      false);
  return too_deep ? Json(Json::value_t::discarded) : state;
}

void add_up(Json& into, const Json& from) {
  if (into.is_null()) {
    into = from;
  } else if (into.is_object() && from.is_object()) {
    for (const auto& [key, value] : from.items()) add_up(into[key], value);
  } else if (into.is_number_integer() && from.is_number_integer()) {
    into = into.get<std::int64_t>() + from.get<std::int64_t>();
  }
}

struct ServiceState {
  bool healthy = true;
  std::size_t instances = 0;
  std::string error;
  Json stats;

  void fail(const std::string& why) {
    healthy = false;
    if (error.empty()) error = why;
  }
  [[nodiscard]] Json to_json() const {
    Json json = {{"healthy", healthy}};
    if (!error.empty()) json["error"] = error;
    if (!stats.is_null()) json["stats"] = stats;
    if (instances > 1) json["instances"] = instances;
    return json;
  }
};

// Answers when the last of its questions has been; all on one reactor.
class Join : public std::enable_shared_from_this<Join> {
 public:
  Join(http::Reactor& reactor, http::Reply reply) : reactor_(reactor), reply_(std::move(reply)) {}

  void ask_all(const GatewayUpstreams& upstreams) {
    const auto hold = shared_from_this();
    for (const auto& upstream : upstreams.ingest()) ask(ingest_, upstream);
    for (const auto& upstream : upstreams.processor()) ask(processor_, upstream);
  }

  ~Join() {
    const Json body = {{"ingest", ingest_.to_json()}, {"processor", processor_.to_json()}};
    std::move(reply_).send(
        http::Response::json(body.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }

 private:
  void ask(ServiceState& service, const http::Upstream& upstream) {
    ++service.instances;
    get(
        upstream, "/stats",
        [&service, name = upstream.label()](const auto& response) {
          const Json stats = parse_state(response.body);
          if (response.status != 200 || !stats.is_object()) {
            return service.fail(name + ": /stats answered nonsense");
          }
          add_up(service.stats, stats);
        },
        service);
    get(
        upstream, "/health",
        [&service, name = upstream.label()](const auto& response) {
          if (response.status == 200) return;
          const Json body = parse_state(response.body);
          const bool told = body.is_object() && body.contains("error") && body["error"].is_string();
          service.fail(name + ": " +
                       (told ? body["error"].template get<std::string>() : "not healthy"));
        },
        service);
  }

  template <class Take>
  void get(const http::Upstream& upstream, const char* target, Take take, ServiceState& service) {
    http::fetch(reactor_, upstream, {http::Method::get, target, {}, {}},
                std::chrono::steady_clock::now() + kUpstreamWait,
                [self = shared_from_this(), take = std::move(take),
                 &service](Result<http::ClientResponse> result) {
                  if (!result.has_value()) return service.fail(result.error().text());
                  take(*result);
                });
  }

  http::Reactor& reactor_;
  http::Reply reply_;
  ServiceState ingest_;
  ServiceState processor_;
};

}  // namespace

void join_status(http::Reactor& reactor, const GatewayUpstreams& upstreams, http::Reply reply) {
  std::make_shared<Join>(reactor, std::move(reply))->ask_all(upstreams);
}

}  // namespace millrace::edge
