#include "edge/dlq/dlq_routes.h"

#include "edge/answers.h"
#include "edge/dlq/dlq_json.h"
#include "edge/dlq/replay.h"
#include "http/problem.h"

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t kWaitingMax = 16;

// 200 when all went, 207 when some did, 503 or 500 when none could.
Response response_of(const ReplayRequest& request, const ReplayOutcome& outcome,
                     std::string_view request_id) {
  if (outcome.replayed == 0 && !outcome.first_failure.ok()) {
    return http::problem(outcome.first_failure, request_id);
  }
  return Response::json(to_json(request, outcome), outcome.first_failure.ok() ? 200 : 207);
}

}  // namespace

DeadLetterRoutes::DeadLetterRoutes(queue::DeadLetters& letters, queue::Producer& producer,
                                   http::ReactorPool& reactors,
                                   std::chrono::milliseconds request_timeout,
                                   observe::Registry& registry)
    : letters_(letters),
      producer_(producer),
      reactors_(reactors),
      timeout_(request_timeout),
      replayed_(registry.counter("millrace_dead_letters_replayed_total",
                                 "Dead letters put back into the queue.")),
      thread_(kWaitingMax) {}

void DeadLetterRoutes::add_to(http::Router& router) {
  router.add({"dlq", Method::get, "/dlq",
              [this](const Request& request, Reply reply) { list(request, std::move(reply)); }});
  router.add({"dlq_replay", Method::post, "/dlq/replay",
              [this](const Request& request, Reply reply) { replay(request, std::move(reply)); }});
}

void DeadLetterRoutes::answer_later(const Request& request, Reply reply,
                                    UniqueFunction<Response(std::string_view)> work) {
  http::Reactor& reactor = reactors_.here();
  // Only ever touched on the reactor's thread: the thread in between just carries it.
  auto kept = std::make_shared<Reply>(std::move(reply));
  const bool posted = thread_.post([&reactor, kept, work = std::move(work),
                                    request_id = std::string(request.request_id)]() mutable {
    Response response = work(request_id);
    reactor.post([kept = std::move(kept), response = std::move(response)]() mutable {
      std::move(*kept).send(std::move(response));
    });
  });
  if (posted) return;
  std::move(*kept).send(http::problem(
      {Code::full, std::to_string(kWaitingMax) + " requests for dead letters wait already"},
      request.request_id));
}

void DeadLetterRoutes::list(const Request& request, Reply reply) {
  auto query = parse_list_query(request.query);
  if (!query.has_value()) {
    return std::move(reply).send(http::problem(query.error(), request.request_id));
  }
  answer_later(request, std::move(reply),
               [this, query = std::move(*query)](std::string_view request_id) {
                 const auto page = letters_.list(query.after, query.limit);
                 return page.has_value() ? Response::json(to_json(*page))
                                         : http::problem(page.error(), request_id);
               });
}

void DeadLetterRoutes::replay(const Request& request, Reply reply) {
  if (!is_json(request)) {
    return std::move(reply).send(unsupported_media_type(request, "application/json"));
  }
  auto asked = parse_replay_request(request.body);
  if (!asked.has_value()) {
    return std::move(reply).send(http::problem(asked.error(), request.request_id));
  }
  const Time deadline = std::chrono::steady_clock::now() + timeout_;
  answer_later(request, std::move(reply),
               [this, deadline, asked = std::move(*asked)](std::string_view request_id) {
                 const ReplayOutcome outcome = edge::replay(letters_, producer_, asked, deadline);
                 replayed_.add(outcome.replayed);
                 return response_of(asked, outcome, request_id);
               });
}

}  // namespace millrace::edge
