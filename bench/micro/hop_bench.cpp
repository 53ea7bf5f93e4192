// The smart batcher over loopback, with so many items of 150 bytes unanswered at a time: gathered
// while an exchange is under way, beside an exchange for each item over the same kind of
// connection. The other end answers each item at once, on a thread of its own.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contest.h"
#include "http/client_connection.h"
#include "http/hop.h"
#include "http/hop_codec.h"
#include "http/test_io.h"

namespace millrace::bench {
namespace {

using http::ClientConnection;
using http::HopAnswer;
using http::HopItem;
using http::Reactor;
using http::Reply;
using http::Request;
using http::Response;

constexpr const char* kPath = "/hop";
constexpr std::chrono::seconds kTimeout{30};

http::Router answering() {
  http::Router routes;
  routes.add({"hop", http::Method::post, kPath,
              [](const Request& request, Reply reply) {
                const auto items = http::decode_hop_batch(request.body);
                if (!items) return std::move(reply).send(Response::text("not a batch", 400));
                const std::vector<HopAnswer> answers(items->size(), {Code::ok, "an id"});
                Response response = Response::json(http::encode_hop_reply(answers));
                response.content_type = http::kHopContentType;
                std::move(reply).send(std::move(response));
              },
              http::kHopBodyBytesMax});
  return routes;
}

// Keeps `window` items unanswered until all are answered. On the reactor's thread.
class Load {
 public:
  using Submit = std::function<void(HopItem)>;

  Load(Reactor& reactor, std::size_t items, std::size_t window, Submit submit)
      : reactor_(reactor), items_(items), window_(window), submit_(std::move(submit)) {}

  // False: something wasn't answered well.
  [[nodiscard]] bool run() {
    for (std::size_t i = 0; i < window_; ++i) next();
    reactor_.run();
    return failed_ == 0 && answered_ == items_;
  }
  void answered(bool ok) {
    if (!ok) ++failed_;
    if (++answered_ == items_) return reactor_.stop();
    next();
  }

 private:
  void next() {
    if (submitted_ == items_) return;
    ++submitted_;
    submit_({.body = std::string(150, 'x')});
  }

  Reactor& reactor_;
  const std::size_t items_;
  const std::size_t window_;
  const Submit submit_;
  std::size_t submitted_ = 0;
  std::size_t answered_ = 0;
  std::size_t failed_ = 0;
};

Time in_time() { return std::chrono::steady_clock::now() + kTimeout; }

bool gathered(std::uint16_t port, std::size_t items, std::size_t window) {
  Reactor reactor;
  observe::Registry registry;
  http::HopMetrics metrics(registry, "bench");
  http::HopClient hop(reactor, {http::testing::upstream_at(port)}, kPath, metrics);
  Load load(reactor, items, window, [&](HopItem item) {
    hop.submit({std::move(item)}, in_time(), [&load](const std::vector<HopAnswer>& answers) {
      load.answered(answers.front().code == Code::ok);
    });
  });
  return load.run();
}

// As many connections as items unanswered.
bool one_by_one(std::uint16_t port, std::size_t items, std::size_t window) {
  Reactor reactor;
  std::vector<std::shared_ptr<ClientConnection>> idle;
  for (std::size_t i = 0; i < window; ++i) {
    idle.push_back(ClientConnection::open(reactor, http::testing::upstream_at(port)));
  }
  Load load(reactor, items, window, [&](const HopItem& item) {
    http::ClientRequest request{http::Method::post, kPath, http::kHopContentType, {}};
    http::append_hop_item(request.body, item);
    const auto connection = std::move(idle.back());
    idle.pop_back();
    connection->exchange(std::move(request), in_time(),
                         [&, connection](const Result<http::ClientResponse>& result) {
                           idle.push_back(connection);
                           load.answered(result.has_value() && result->status == 200);
                         });
  });
  const bool good = load.run();
  for (const auto& connection : idle) connection->close();
  return good;
}

using Way = bool (*)(std::uint16_t port, std::size_t items, std::size_t window);

void enter(const std::string& name, Way way, std::size_t window) {
  const std::string subject = std::to_string(window) + " items unanswered";
  contest(subject, name, [=](benchmark::State& state) {
    http::testing::TestServer server(answering());
    const std::size_t items = std::max<std::size_t>(500, 50 * window);
    for (auto _ : state) {
      if (!way(server.server.port(), items, window)) return state.SkipWithError("not answered");
    }
    count_items(state, items, "item");
  });
}

}  // namespace

void register_contests() {
  for (const std::size_t window : {1U, 16U, 64U, 256U}) {
    enter(kOurs, gathered, window);
    enter("an exchange for each", one_by_one, window);
  }
}

}  // namespace millrace::bench
