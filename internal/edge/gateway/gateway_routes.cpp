#include "edge/gateway/gateway_routes.h"

#include "edge/answers.h"
#include "edge/batch/batch_route.h"
#include "edge/gateway/status_join.h"
#include "http/problem.h"

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;

namespace {

// The body is ingest's to judge: the gateway moves bytes.
void forward(http::HopPool& hop, Duration timeout, const Request& request, Reply reply) {
  if (!is_json(request)) {
    return std::move(reply).send(unsupported_media_type(request, "application/json"));
  }
  std::vector<http::HopItem> items;
  items.push_back({std::string(request.body), std::string(request.request_id),
                   std::string(request.header("Idempotency-Key"))});
  hop.submit(
      std::move(items), std::chrono::steady_clock::now() + timeout,
      [reply = std::move(reply), request_id = std::string(request.request_id)](
          const std::vector<http::HopAnswer>& answers) mutable {
        const auto& answer = answers.front();
        std::move(reply).send(answer.code == Code::ok
                                  ? accepted(answer.text)
                                  : http::problem(Status(answer.code, answer.text), request_id));
      });
}

// A piece that the hop answered as a whole: each of its messages has that fate.
PieceAnswer to_piece_answer(const http::HopAnswer& answer, std::size_t count) {
  if (answer.code != Code::ok) return PieceAnswer::all(count, {answer.code, answer.text});
  auto decoded = decode_piece_answer(answer.text, count);
  if (decoded.has_value()) return std::move(*decoded);
  return PieceAnswer::all(count, {Code::deadline, decoded.error().text() + " (outcome unknown)"});
}

SendPiece forward_pieces(http::HopPool& hop, Duration timeout, const Request& request) {
  return [&hop, timeout, request_id = std::string(request.request_id),
          key = std::string(request.header("Idempotency-Key"))](
             BatchPiece piece, UniqueFunction<void(PieceAnswer)> done) {
    std::vector<http::HopItem> items;
    items.push_back({std::move(piece.lines), request_id, key, piece.first + 1, piece.count});
    hop.submit(std::move(items), std::chrono::steady_clock::now() + timeout,
               [done = std::move(done),
                count = piece.count](const std::vector<http::HopAnswer>& answers) mutable {
                 done(to_piece_answer(answers.front(), count));
               });
  };
}

}  // namespace

void add_gateway_routes(http::Router& router, http::HopPool& hop, http::ReactorPool& reactors,
                        const GatewayUpstreams& upstreams,
                        std::chrono::milliseconds request_timeout) {
  router.add({"ingest", Method::post, "/api/v1/ingest",
              [&hop, request_timeout](const Request& request, Reply reply) {
                forward(hop, request_timeout, request, std::move(reply));
              }});
  router.add(batch_route("/api/v1/ingest/batch", [&hop, request_timeout](const Request& request) {
    return forward_pieces(hop, request_timeout, request);
  }));
  router.add({"status", Method::get, "/api/v1/status",
              [&reactors, upstreams](const Request&, Reply reply) {
                join_status(reactors.here(), upstreams, std::move(reply));
              }});
}

}  // namespace millrace::edge
