// For tests: a Conversation with a few routes, one of which answers late, and no socket.
#pragma once

#include <catch2/catch.hpp>
#include <iterator>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/conversation.h"
#include "http/test_wire.h"

namespace millrace::http::testing {

inline std::string get(const std::string& path, const std::string& lines = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body,
                        const std::string& lines = {}) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + lines + "\r\n" + body;
}

// A body that comes in parts, and what becomes of it.
struct Streamed {
  std::vector<std::string> parts;
  bool ended = false;
  bool gone = false;
  bool wants_more = true;
  bool throws = false;
  bool answers_cuts = false;
  std::optional<Reply> reply;
  Resume resume;

  [[nodiscard]] std::string body() const {
    std::string all;
    for (const std::string& part : parts) all += part;
    return all;
  }
};

class StreamedSink final : public BodySink {
 public:
  explicit StreamedSink(Streamed& streamed) : streamed_(streamed) {}
  ~StreamedSink() override {
    streamed_.gone = true;
    streamed_.reply.reset();
  }
  [[nodiscard]] bool write(std::string_view bytes) override {
    if (streamed_.throws) throw std::runtime_error("a broken sink");
    streamed_.parts.emplace_back(bytes);
    if (bytes == "refuse me") std::move(*streamed_.reply).send(Response::text("no", 400));
    return streamed_.wants_more;
  }
  void cut(const Status& why) override {
    if (streamed_.answers_cuts) std::move(*streamed_.reply).send(Response::text(why.text(), 207));
  }
  void end() override {
    streamed_.ended = true;
    std::move(*streamed_.reply).send(Response::text(streamed_.body()));
  }

 private:
  Streamed& streamed_;
};

class TestConversation {
 public:
  ~TestConversation() { conversation->abandon(); }

  void receive(const std::string& bytes) { conversation->receive(bytes); }

  // All responses sent since the last call; they must be whole.
  std::vector<WireResponse> take() {
    auto responses = take_responses(conversation->output());
    conversation->output().clear();
    return responses;
  }
  // Exactly one.
  WireResponse take_one() {
    const auto responses = take();
    REQUIRE(responses.size() == 1);
    return responses[0];
  }

  // Answers one of the requests that wait in `late`.
  void answer_late(int index, std::string body) {
    const auto at = std::next(late.begin(), index);
    Reply reply = std::move(*at);
    late.erase(at);
    std::move(reply).send(Response::text(std::move(body)));
  }

  [[nodiscard]] double counted(const std::vector<std::string>& labels) const {
    return metric(registry, "millrace_http_requests_total", labels);
  }

  observe::Registry registry;
  ManualClock clock;
  std::list<Reply> late;            // of /late, unanswered
  std::vector<std::string> bodies;  // what /echo was given
  Streamed streamed;                // what /stream was given
  int outputs = 0;                  // how often on_output was called

 private:
  Router make_router() {
    Router routes;
    const auto add = [&](const char* name, Method method, Handler handler,
                         std::size_t body_bytes_max = kBodyBytesMax) {
      routes.add({name, method, std::string("/") + name, std::move(handler), body_bytes_max});
    };
    add("hello", Method::get,
        [](const Request&, Reply reply) { std::move(reply).send(Response::text("hello")); });
    add("echo", Method::post, [this](const Request& request, Reply reply) {
      bodies.emplace_back(request.body);
      std::move(reply).send(Response::text(std::string(request.body)));
    });
    add(
        "small", Method::post,
        [](const Request&, Reply reply) { std::move(reply).send(Response::text("small")); }, 10);
    add("id", Method::get, [](const Request& request, Reply reply) {
      std::move(reply).send(Response::text(std::string(request.request_id)));
    });
    add("late", Method::get,
        [this](const Request&, Reply reply) { late.push_back(std::move(reply)); });
    add("large", Method::get, [](const Request&, Reply reply) {
      std::move(reply).send(Response::text(std::string(kOutputBytesMax, 'x')));
    });
    add("dropped", Method::get, [](const Request&, const Reply&) {});
    add("throwing", Method::get,
        [](const Request&, const Reply&) { throw std::runtime_error("a broken handler"); });
    add("last", Method::get, [](const Request&, Reply reply) {
      Response response = Response::text("last");
      response.close = true;
      std::move(reply).send(std::move(response));
    });
    add("split", Method::get, [](const Request&, Reply reply) {
      Response response = Response::text("a\r\nX-Evil: 1\r\n\r\n");
      response.headers.emplace_back("X-A", std::string("b\r\nX-Evil: 1\r\n\r\nc\0\n", 19));
      std::move(reply).send(std::move(response));
    });
    routes.add({"stream", Method::post, "/stream", nullptr, 100'000,
                [this](const Request&, Reply reply, Resume resume) {
                  streamed.reply.emplace(std::move(reply));
                  streamed.resume = std::move(resume);
                  return std::make_shared<StreamedSink>(streamed);
                }});
    return routes;
  }

 public:
  const Router router = make_router();
  ServerMetrics metrics{registry, router};
  const ConversationContext context{router, metrics, clock};
  const std::shared_ptr<Conversation> conversation =
      std::make_shared<Conversation>(context, [this] { ++outputs; });
};

}  // namespace millrace::http::testing
