// For tests: an upstream of a hop that can be corked, and a hop to it.
#pragma once

#include <string>
#include <vector>

#include "http/hop_codec.h"
#include "http/hop_pool.h"
#include "http/test_io.h"

namespace millrace::http::testing {

inline constexpr const char* kHopPath = "/hop";

// Answers each item with its own body: "ok:a" is ok with the text "a", anything else is rejected
// with that text. What there is no room for is full. Corked, it answers when it is told to.
class HopUpstream {
 public:
  using Batch = std::vector<HopItem>;

  explicit HopUpstream(bool corked = false, const ServerOptions& options = {})
      : corked_(corked), server_(router(), options) {}

  [[nodiscard]] std::uint16_t port() const { return server_.server.port(); }
  [[nodiscard]] Upstream upstream() const { return upstream_at(port()); }
  // The next batch that came.
  Batch batch() { return batches_.take("a batch"); }
  bool has_batch() { return !batches_.empty(); }
  [[nodiscard]] int connections() const {
    return static_cast<int>(server_.counted("millrace_http_connections_accepted_total"));
  }
  [[nodiscard]] int open_connections() const {
    return static_cast<int>(server_.counted("millrace_http_connections_open"));
  }
  // Of each batch from now on only this many items are taken.
  void set_room(std::size_t items) { room_ = items; }
  // Answers what waits, and what comes later at once.
  void uncork() {
    server_.reactors.run_on_each([this](std::size_t, Reactor&) {
      corked_ = false;
      for (auto& [reply, items] : std::exchange(waiting_, {})) answer(std::move(reply), items);
    });
  }

 private:
  Router router() {
    Router routes;
    routes.add({"hop", Method::post, kHopPath,
                [this](const Request& request, Reply reply) {
                  Batch items = decode_hop_batch(request.body).value();
                  batches_.put(items);
                  if (!corked_) return answer(std::move(reply), items);
                  waiting_.emplace_back(std::move(reply), std::move(items));
                },
                kHopBodyBytesMax});
    return routes;
  }

  void answer(Reply reply, const Batch& items) const {
    std::vector<HopAnswer> answers;
    for (const HopItem& item : items) {
      if (answers.size() >= room_) {
        answers.push_back({Code::full, "no room"});
        continue;
      }
      const bool good = item.body.starts_with("ok:");
      answers.push_back({good ? Code::ok : Code::rejected, good ? item.body.substr(3) : item.body});
    }
    Response response = Response::json(encode_hop_reply(answers));
    response.content_type = kHopContentType;
    std::move(reply).send(std::move(response));
  }

  Mailbox<Batch> batches_;
  std::atomic<std::size_t> room_{kHopItemsMax};
  bool corked_;  // this and waiting_: on the server's one thread
  std::deque<std::pair<Reply, Batch>> waiting_;
  TestServer server_;
};

// A hop on one I/O thread, used from the test's thread.
class TestHop {
 public:
  using Answers = std::vector<HopAnswer>;

  explicit TestHop(const std::vector<Upstream>& upstreams)
      : metrics_(registry, "test"), pool(reactors, upstreams, kHopPath, metrics_) {}

  // What submit() was given has been gathered or sent when this returns.
  void submit(const std::vector<std::string>& bodies,
              std::chrono::milliseconds timeout = kPatience) {
    submit_unsettled(bodies, timeout);
    settle();
  }
  // Each of them alone, within one round of the hop's loop.
  void submit_in_one_round(const std::vector<std::string>& bodies) {
    reactors.run_on_each([&](std::size_t, Reactor&) {
      for (const auto& body : bodies) submit_unsettled({body}, kPatience);
    });
  }
  // Of the submits, in the order in which they were answered.
  Answers answers() { return answers_.take("the answers"); }
  bool has_answers() { return !answers_.empty(); }
  HopAnswer one() {
    auto got = answers();
    if (got.size() != 1) throw std::runtime_error("not one answer");
    return got[0];
  }
  // Lets the hop's thread run what is due, and what that has posted.
  void settle() {
    for (int i = 0; i < 2; ++i) reactors.run_on_each([](std::size_t, Reactor&) {});
  }
  [[nodiscard]] double counted(const std::string& name) const {
    return metric(registry, "millrace_hop_" + name);
  }

 private:
  void submit_unsettled(const std::vector<std::string>& bodies, std::chrono::milliseconds timeout) {
    std::vector<HopItem> items;
    for (const auto& body : bodies) items.push_back({body, "id", "key"});
    pool.submit(std::move(items), std::chrono::steady_clock::now() + timeout,
                [this](Answers got) { answers_.put(std::move(got)); });
  }

  Mailbox<Answers> answers_;

 public:
  observe::Registry registry;
  ReactorPool reactors{1};

 private:
  HopMetrics metrics_;

 public:
  HopPool pool;
};

}  // namespace millrace::http::testing
