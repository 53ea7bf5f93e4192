#include "edge/ingest/ingest_routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "edge/answers.h"
#include "edge/batch/batch_route.h"
#include "http/hop_codec.h"
#include "http/problem.h"
#include "observe/log.h"

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;

namespace {

using Items = std::vector<Result<IngestItem>>;

// `place`: in the batch whose key it is, from 1; 0: it's the message's own.
Result<IngestItem> parse_item(std::string_view body, std::string_view idempotency_key,
                              std::uint64_t place = 0) {
  auto fields = parse_ingest_json(body);
  if (!fields.has_value()) return std::move(fields).error();
  return IngestItem{std::move(*fields), std::string(idempotency_key),
                    idempotency_key.empty() ? 0 : place};
}

// Every line is one, empty ones too.
void parse_lines(std::string_view lines, std::string_view idempotency_key, std::uint64_t place,
                 Items& out) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    out.push_back(parse_item(lines.substr(0, end), idempotency_key, place++));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

// Of a piece from another of our services, whose every line has an end. They are counted before
// anything is made of them: a line takes a byte here and hundreds in memory.
Status take_piece(const http::HopItem& piece, Items& out) {
  const auto lines =
      static_cast<std::size_t>(std::count(piece.body.begin(), piece.body.end(), '\n'));
  if (lines > kPieceMessagesMax) {
    return {Code::too_large,
            "a piece of a batch has at most " + std::to_string(kPieceMessagesMax) + " messages"};
  }
  out.reserve(out.size() + lines);
  parse_lines(piece.body, piece.idempotency_key, piece.place, out);
  return {};
}

PieceAnswer to_piece_answer(std::span<const IngestAnswer> answers) {
  PieceAnswer piece;
  piece.count = answers.size();
  piece.ids.reserve(answers.size() * PieceAnswer::kIdBytes);
  for (std::uint32_t at = 0; at < answers.size(); ++at) {
    if (answers[at].status.ok()) {
      piece.ids.append(answers[at].message_id);
    } else {
      piece.problems.push_back({at, answers[at].status});
    }
  }
  return piece;
}

http::Response to_response(const IngestAnswer& answer, std::string_view request_id) {
  if (answer.status.ok()) return accepted(answer.message_id);
  return http::problem(answer.status, request_id);
}

// What a hop's item has of the answers: one, or as many as its lines.
struct Share {
  std::size_t count = 1;
  bool is_piece = false;
  Status refused{};          // the piece as a whole
  std::string request_id{};  // of the gateway's caller; empty when nothing is logged
};

http::HopAnswer to_hop_answer(std::span<const IngestAnswer> answers, const Share& share) {
  if (!share.refused.ok()) return {share.refused.code(), share.refused.text()};
  if (share.is_piece) return {Code::ok, encode_piece_answer(to_piece_answer(answers))};
  const IngestAnswer& answer = answers.front();
  return {answer.status.code(), answer.status.ok() ? answer.message_id : answer.status.text()};
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
  Items items;
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
  Items items;
  std::vector<Share> shares;
  items.reserve(batch->size());
  shares.reserve(batch->size());
  for (auto& item : *batch) {
    const std::size_t before = items.size();
    Status refused;
    if (item.place == 0) {
      items.push_back(parse_item(item.body, item.idempotency_key));
    } else {
      refused = take_piece(item, items);
    }
    shares.push_back({items.size() - before, item.place != 0, std::move(refused)});
    if (is_logged()) shares.back().request_id = std::move(item.request_id);
  }
  ingesting.start(std::move(items), [reply = std::move(reply), shares = std::move(shares)](
                                        const std::vector<IngestAnswer>& answers) mutable {
    std::vector<http::HopAnswer> encoded;
    encoded.reserve(shares.size());
    auto rest = std::span(answers);
    for (const Share& share : shares) {
      const auto own = rest.first(share.count);
      for (const IngestAnswer& answer : own) log_ingested(share.request_id, answer);
      encoded.push_back(to_hop_answer(own, share));
      rest = rest.subspan(share.count);
    }
    auto response = http::Response::json(http::encode_hop_reply(encoded));
    response.content_type = http::kHopContentType;
    std::move(reply).send(std::move(response));
  });
}

SendPiece ingest_pieces(const Ingesting& ingesting, const Request& request) {
  return [ingesting, request_id = std::string(request.request_id),
          key = std::string(request.header("Idempotency-Key"))](
             const BatchPiece& piece, UniqueFunction<void(PieceAnswer)> done) {
    Items items;
    items.reserve(piece.count);
    parse_lines(piece.lines, key, piece.first + 1, items);
    ingesting.start(std::move(items), [done = std::move(done), request_id](
                                          const std::vector<IngestAnswer>& answers) mutable {
      for (const IngestAnswer& answer : answers) log_ingested(request_id, answer);
      done(to_piece_answer(answers));
    });
  };
}

}  // namespace

void add_ingest_routes(http::Router& router, IngestCore& core, http::ReactorPool& reactors,
                       std::chrono::milliseconds request_timeout) {
  const Ingesting ingesting(core, reactors, request_timeout);
  router.add({"ingest", Method::post, "/ingest", [ingesting](const Request& request, Reply reply) {
                ingest_one(ingesting, request, std::move(reply));
              }});
  router.add(batch_route("/ingest/batch", [ingesting](const Request& request) {
    return ingest_pieces(ingesting, request);
  }));
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
