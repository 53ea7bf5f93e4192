#include "edge/ingest/ingest_routes.h"

#include <nlohmann/json.hpp>

#include "edge/answers.h"
#include "http/hop_codec.h"
#include "http/problem.h"
#include "observe/log.h"

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;

namespace {

Result<IngestItem> parse_item(std::string_view body, std::string_view idempotency_key) {
  auto fields = parse_ingest_json(body);
  if (!fields.has_value()) return std::move(fields).error();
  return IngestItem{std::move(*fields), std::string(idempotency_key)};
}

http::Response to_response(const IngestAnswer& answer, std::string_view request_id) {
  if (answer.status.ok()) return accepted(answer.message_id);
  return http::problem(answer.status, request_id);
}

std::string to_hop_reply(const std::vector<IngestAnswer>& answers) {
  std::vector<http::HopAnswer> encoded;
  encoded.reserve(answers.size());
  for (const IngestAnswer& answer : answers) {
    encoded.push_back(
        {answer.status.code(), answer.status.ok() ? answer.message_id : answer.status.text()});
  }
  return http::encode_hop_reply(encoded);
}

bool is_logged() { return observe::enabled(observe::Level::debug); }

// Where the caller's id meets the message's: the line that lets a request be followed further.
void log_ingested(std::string_view request_id, const IngestAnswer& answer) {
  if (!is_logged()) return;
  observe::debug("ingested", {{"request_id", request_id},
                              {"message_id", answer.message_id},
                              {"outcome", code_name(answer.status.code())}});
}

// The producer answers on a thread of its own choice, a reply belongs to its connection's.
class Ingesting {
 public:
  Ingesting(IngestCore& core, http::ReactorPool& reactors, Duration timeout)
      : core_(core), reactors_(reactors), timeout_(timeout) {}

  template <class Respond>
  void start(std::vector<Result<IngestItem>> items, Respond respond) const {
    http::Reactor& reactor = reactors_.here();
    core_.ingest(
        std::move(items), std::chrono::steady_clock::now() + timeout_,
        [&reactor, respond = std::move(respond)](std::vector<IngestAnswer> answers) mutable {
          reactor.dispatch([respond = std::move(respond), answers = std::move(answers)]() mutable {
            respond(std::move(answers));
          });
        });
  }

 private:
  IngestCore& core_;
  http::ReactorPool& reactors_;
  Duration timeout_;
};

void ingest_one(const Ingesting& ingesting, const Request& request, Reply reply) {
  if (!is_json(request)) {
    return std::move(reply).send(unsupported_media_type(request, "application/json"));
  }
  std::vector<Result<IngestItem>> items;
  items.push_back(parse_item(request.body, request.header("Idempotency-Key")));
  ingesting.start(std::move(items),
                  [reply = std::move(reply), request_id = std::string(request.request_id)](
                      const std::vector<IngestAnswer>& answers) mutable {
                    log_ingested(request_id, answers.front());
                    std::move(reply).send(to_response(answers.front(), request_id));
                  });
}

void ingest_hop(const Ingesting& ingesting, const Request& request, Reply reply) {
  if (!has_content_type(request, http::kHopContentType)) {
    return std::move(reply).send(unsupported_media_type(request, http::kHopContentType));
  }
  auto batch = http::decode_hop_batch(request.body);
  if (!batch.has_value()) {
    return std::move(reply).send(http::problem(batch.error(), request.request_id));
  }
  std::vector<Result<IngestItem>> items;
  items.reserve(batch->size());
  std::vector<std::string> request_ids;  // of the gateway's callers; none when nothing is logged
  for (auto& item : *batch) {
    items.push_back(parse_item(item.body, item.idempotency_key));
    if (is_logged()) request_ids.push_back(std::move(item.request_id));
  }
  ingesting.start(std::move(items),
                  [reply = std::move(reply), request_ids = std::move(request_ids)](
                      const std::vector<IngestAnswer>& answers) mutable {
                    for (std::size_t i = 0; i < request_ids.size(); ++i) {
                      log_ingested(request_ids[i], answers[i]);
                    }
                    auto response = http::Response::json(to_hop_reply(answers));
                    response.content_type = http::kHopContentType;
                    std::move(reply).send(std::move(response));
                  });
}

}  // namespace

void add_ingest_routes(http::Router& router, IngestCore& core, http::ReactorPool& reactors,
                       std::chrono::milliseconds request_timeout) {
  const Ingesting ingesting(core, reactors, request_timeout);
  router.add({"ingest", Method::post, "/ingest", [ingesting](const Request& request, Reply reply) {
                ingest_one(ingesting, request, std::move(reply));
              }});
  router.add({"hop_ingest", Method::post, std::string(kHopIngestPath),
              [ingesting](const Request& request, Reply reply) {
                ingest_hop(ingesting, request, std::move(reply));
              },
              http::kHopBodyBytesMax});
}

nlohmann::ordered_json ingest_stats(const IngestCore& core) {
  const IngestStats stats = core.stats();
  return {
      {"TotalReceived", stats.received}, {"TotalSent", stats.sent}, {"TotalFailed", stats.failed}};
}

}  // namespace millrace::edge
