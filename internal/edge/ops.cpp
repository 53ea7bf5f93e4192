#include "edge/ops.h"

#include <nlohmann/json.hpp>

#include "http/client_connection.h"

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;
using http::Response;

namespace {

// {"healthy":…,"service":…} or {"ready":…}: `key` names the question.
void answer_probe(OpsState& state, std::string key, Reply reply) {
  const auto respond = [&state](const std::string& name, Status status, Reply to) {
    nlohmann::ordered_json body = {{name, status.ok()}, {"service", state.service}};
    if (!status.ok()) body["error"] = status.text();
    Response response = Response::json(body.dump(), status.ok() ? 200 : 503);
    if (!status.ok()) response.headers.emplace_back("Retry-After", "1");
    std::move(to).send(std::move(response));
  };
  if (!state.ready) return respond(key, {Code::closed, "starting or draining"}, std::move(reply));
  state.can_work([respond, key = std::move(key), reply = std::move(reply)](Status status) mutable {
    respond(key, std::move(status), std::move(reply));
  });
}

}  // namespace

void add_ops_routes(http::Router& router, OpsState& state, const observe::Registry& registry) {
  router.add({"livez", Method::get, "/livez", [&state](const Request&, Reply reply) {
                const nlohmann::json body = {{"alive", true}, {"service", state.service}};
                std::move(reply).send(Response::json(body.dump()));
              }});
  router.add({"readyz", Method::get, "/readyz", [&state](const Request&, Reply reply) {
                answer_probe(state, "ready", std::move(reply));
              }});
  router.add({"health", Method::get, "/health", [&state](const Request&, Reply reply) {
                answer_probe(state, "healthy", std::move(reply));
              }});
  router.add({"metrics", Method::get, "/metrics", [&registry](const Request&, Reply reply) {
                Response response = Response::text(registry.expose());
                response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                std::move(reply).send(std::move(response));
              }});
  if (!state.stats_json) return;
  router.add({"stats", Method::get, "/stats", [&state](const Request&, Reply reply) {
                std::move(reply).send(Response::json(state.stats_json()));
              }});
}

WorkCheck any_upstream_ready(http::ReactorPool& reactors, std::vector<http::Upstream> upstreams,
                             std::chrono::milliseconds timeout) {
  struct Poll {
    std::size_t missing;
    bool answered = false;
    std::string why;
    UniqueFunction<void(Status)> done;

    void hear(const http::Upstream& upstream, const Result<http::ClientResponse>& result) {
      --missing;
      if (answered) return;
      if (result.has_value() && result->status == 200) {
        answered = true;
        return done({});
      }
      why += (why.empty() ? "" : "; ");
      why += result.has_value() ? upstream.authority + " is not ready" : result.error().text();
      if (missing == 0) done({Code::unavailable, why});
    }
  };
  return [&reactors, upstreams = std::move(upstreams), timeout](UniqueFunction<void(Status)> done) {
    auto poll = std::make_shared<Poll>();
    poll->missing = upstreams.size();
    poll->done = std::move(done);
    const Time deadline = std::chrono::steady_clock::now() + timeout;
    for (const auto& upstream : upstreams) {
      http::fetch(reactors.here(), upstream, {Method::get, "/readyz", {}, {}}, deadline,
                  [poll, upstream](const Result<http::ClientResponse>& result) {
                    poll->hear(upstream, result);
                  });
    }
  };
}

}  // namespace millrace::edge
