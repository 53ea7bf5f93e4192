#include "edge/ops.h"

#include <nlohmann/json.hpp>

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;
using http::Response;

namespace {

constexpr const char* kNotAtWork = "starting or draining";

Response with_retry(Response response) {
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void answer_ready(OpsState& state, Reply reply) {
  const auto respond = [service = state.service](const Status& status, Reply to) {
    nlohmann::ordered_json body = {{"ready", status.ok()}, {"service", service}};
    if (!status.ok()) body["error"] = status.text();
    // The reason may hold what a broker or the system said, in whatever encoding.
    std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::move(to).send(with_retry(Response::json(std::move(text), status.ok() ? 200 : 503)));
  };
  if (!state.ready) return respond({Code::closed, kNotAtWork}, std::move(reply));
  state.can_work([respond, reply = std::move(reply)](const Status& status) mutable {
    respond(status, std::move(reply));
  });
}

void answer_health(OpsState& state, Reply reply) {
  if (!state.ready) {
    std::string body = not_at_work_json(state.service, kNotAtWork);
    return std::move(reply).send(with_retry(Response::json(std::move(body), 503)));
  }
  state.health.look([service = state.service,
                     reply = std::move(reply)](const std::vector<Component>& components) mutable {
    const unsigned status = worst_of(components) == Health::unhealthy ? 503 : 200;
    std::move(reply).send(with_retry(Response::json(health_json(service, components), status)));
  });
}

}  // namespace

void add_ops_routes(http::Router& router, OpsState& state, const observe::Registry& registry) {
  router.add({"livez", Method::get, "/livez", [&state](const Request&, Reply reply) {
                const nlohmann::json body = {{"alive", true}, {"service", state.service}};
                std::move(reply).send(Response::json(body.dump()));
              }});
  router.add({"readyz", Method::get, "/readyz",
              [&state](const Request&, Reply reply) { answer_ready(state, std::move(reply)); }});
  router.add({"health", Method::get, "/health",
              [&state](const Request&, Reply reply) { answer_health(state, std::move(reply)); }});
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

}  // namespace millrace::edge
