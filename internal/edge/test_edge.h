// For this room's tests: a producer in the test's hands, and requests over a real connection.
#pragma once

#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "http/test_io.h"
#include "queue/producer.h"

namespace millrace::edge::testing {

using http::testing::Mailbox;
using http::testing::RawConnection;
using http::testing::TestServer;
using http::testing::WireResponse;

// What was published, and the way to give the verdicts.
struct Publication {
  std::vector<Message> batch;
  Time deadline;
  queue::PublishDone done;

  // The same for each message; on the test's thread, as a broker's client would on its own.
  void answer(const Status& verdict) { done(std::vector<Status>(batch.size(), verdict)); }
};

// Hands each publish to the test. Thread-safe.
class FakeProducer final : public queue::Producer {
 public:
  void publish(std::vector<Message> batch, Time deadline, queue::PublishDone done) override {
    published_ += batch.size();
    publications_.put({std::move(batch), deadline, std::move(done)});
  }
  [[nodiscard]] Status health() const override { return {}; }
  [[nodiscard]] queue::ProducerStats producer_stats() const override { return {}; }

  Publication take() { return publications_.take("a publish"); }
  [[nodiscard]] std::size_t published() const { return published_; }

 private:
  Mailbox<Publication> publications_;
  std::atomic<std::size_t> published_{0};
};

inline std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

// `lines`: further header lines, each with its CR LF.
inline std::string post(const std::string& path, const std::string& body,
                        const std::string& lines = "Content-Type: application/json\r\n") {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + lines + "\r\n" + body;
}

// The body, parsed. Throws when it isn't JSON.
nlohmann::json json_of(const WireResponse& response);

inline WireResponse ask(const TestServer& server, const std::string& request) {
  auto connection = server.connect();
  connection.send(request);
  return connection.response();
}

inline constexpr const char* kGoodBody = R"({"source":"s","data":"d"})";

// What each verdict of a queue is over HTTP, and whether to come back later.
struct VerdictCase {
  Code code;
  unsigned status;
  bool retry_after;
};
inline constexpr VerdictCase kVerdictCases[] = {
    {Code::full, 503, true},      {Code::unavailable, 503, true}, {Code::closed, 503, true},
    {Code::deadline, 504, false}, {Code::too_large, 413, false},  {Code::internal, 500, false},
};

}  // namespace millrace::edge::testing
