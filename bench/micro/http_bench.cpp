// One POST of 121 bytes as a client of the gateway sends it: read from its bytes, answered into
// bytes, and both through a whole conversation (routing, metrics, request id). Beside Beast, whose
// parser is under ours: one made for each request, as its examples do, without our guard against
// smuggled requests, and without an X-Request-Id.
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <string>

#include "contest.h"
#include "http/conversation.h"
#include "http/request_reader.h"
#include "http/response_writer.h"

namespace millrace::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

std::string request_bytes() {
  const std::string body(121, 'x');
  return "POST /ingest HTTP/1.1\r\nHost: localhost:80\r\nUser-Agent: bench\r\nAccept: */*\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string kAnswer =
    R"({"messageId":"01a1fb40-d709-702e-a390-788783419c31","status":"accepted"})";

void read_ours(benchmark::State& state) {
  const std::string bytes = request_bytes();
  http::RequestReader reader;
  for (auto _ : state) {
    std::string_view input = bytes;
    auto step = http::RequestReader::Step::need_more;
    while (step != http::RequestReader::Step::complete) {
      step = reader.feed(input);
      if (step == http::RequestReader::Step::failed) return state.SkipWithError("not a request");
    }
    benchmark::DoNotOptimize(reader.request().body.size());
    reader.next();
  }
  count_items(state, 1, "request");
}

void read_beast(benchmark::State& state) {
  const std::string bytes = request_bytes();
  for (auto _ : state) {
    beast::http::request_parser<beast::http::string_body> parser;
    parser.eager(true);
    beast::error_code error;
    parser.put(asio::buffer(bytes), error);
    if (error || !parser.is_done()) return state.SkipWithError("not a request");
    benchmark::DoNotOptimize(parser.get().body().size());
  }
  count_items(state, 1, "request");
}

void answer_ours(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    http::append_response(out, http::Response::json(kAnswer),
                          {.request_id = "01a1fb40-d709-702e-a390-788783419c32"});
    benchmark::DoNotOptimize(out.data());
  }
  count_items(state, 1, "request");
}

void answer_beast(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    beast::http::response<beast::http::string_body> response(beast::http::status::ok, 11);
    response.set(beast::http::field::content_type, "application/json");
    response.set("X-Request-Id", "01a1fb40-d709-702e-a390-788783419c32");
    response.body() = kAnswer;
    response.prepare_payload();
    beast::http::response_serializer<beast::http::string_body> serializer(response);
    beast::error_code error;
    while (!serializer.is_done()) {
      serializer.next(error, [&](beast::error_code&, const auto& buffers) {
        for (const auto buffer : beast::buffers_range_ref(buffers)) {
          out.append(static_cast<const char*>(buffer.data()), buffer.size());
        }
        serializer.consume(beast::buffer_bytes(buffers));
      });
    }
    benchmark::DoNotOptimize(out.data());
  }
  count_items(state, 1, "request");
}

void converse(benchmark::State& state) {
  http::Router router;
  router.add({"ingest", http::Method::post, "/ingest", [](const http::Request&, http::Reply reply) {
                std::move(reply).send(http::Response::json(kAnswer));
              }});
  observe::Registry registry;
  http::ServerMetrics metrics(registry, router);
  const http::ConversationContext context{router, metrics, system_clock()};
  const auto conversation = std::make_shared<http::Conversation>(context, [] {});
  const std::string bytes = request_bytes();
  for (auto _ : state) {
    conversation->receive(bytes);
    if (conversation->output().empty()) return state.SkipWithError("no answer");
    conversation->output().clear();
  }
  conversation->abandon();
  count_items(state, 1, "request");
}

}  // namespace

void register_contests() {
  contest("read a request", kOurs, read_ours);
  contest("read a request", "Beast", read_beast);
  contest("write an answer", kOurs, answer_ours);
  contest("write an answer", "Beast", answer_beast);
  contest("read, route, answer", kOurs, converse);
}

}  // namespace millrace::bench
