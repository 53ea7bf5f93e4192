// What handing out each id once costs. "receive and ack" is a batch of 64 straight from a queue
// that costs next to nothing, and with a DedupingConsumer around it: the difference is the price.
// "look up and add" is the memory of ids alone, beside a mutex with a set of them as text.
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/recent_set.h"
#include "base/uuid.h"
#include "contest.h"
#include "queue/deduping_consumer.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBatch = 64;

// Hands out one message again and again, as `copies` deliveries of an id that is new each time: the
// id and its replay number together.
class Feed final : public queue::Consumer, public queue::Settler {
 public:
  explicit Feed(std::uint64_t copies) : copies_(copies) {}

  Status start() override { return {}; }
  Status receive(std::vector<queue::Delivery>& out, std::size_t max, Time /*deadline*/,
                 const std::stop_token& /*stop*/) override {
    const std::uint64_t first = next_.fetch_add(max, std::memory_order_relaxed);
    for (std::uint64_t i = first; i < first + max; ++i) {
      Message message = message_;
      message.set_replay(i / copies_ + 1);
      out.emplace_back(std::move(message), 1, *this);
    }
    return {};
  }
  [[nodiscard]] Status health() const override { return {}; }
  [[nodiscard]] queue::ConsumerStats consumer_stats() const override { return {}; }
  void stop_accepting() override {}
  Status drain(Time /*deadline*/) override { return {}; }
  void abort() override {}

  void on_ack(queue::Delivery& /*delivery*/) noexcept override {}
  void on_retry(queue::Delivery&, Duration, std::string_view) noexcept override {}
  void on_reject(queue::Delivery&, std::string_view) noexcept override {}
  void on_nack(queue::Delivery& /*delivery*/) noexcept override {}

 private:
  const std::uint64_t copies_;
  std::atomic<std::uint64_t> next_{0};
  const Message message_ = Message::encode({.id = Uuid::v7().text(),
                                            .timestamp = system_clock().unix_seconds(),
                                            .source = "bench",
                                            .payload = std::string(120, 'x'),
                                            .metadata = {}});
};

struct Queue {
  explicit Queue(std::uint64_t copies) : feed(copies) {}

  Feed feed;
  queue::DedupingConsumer deduping{feed, {}};
};

std::unique_ptr<Queue> shared;  // by the threads of one benchmark

template <bool deduped>
void receive_and_ack(benchmark::State& state) {
  queue::Consumer& consumer = deduped ? static_cast<queue::Consumer&>(shared->deduping)
                                      : static_cast<queue::Consumer&>(shared->feed);
  std::vector<queue::Delivery> batch;
  for (auto _ : state) {
    if (!consumer.receive(batch, kBatch, Time::max(), {}).ok()) state.SkipWithError("not received");
    for (queue::Delivery& delivery : batch) std::move(delivery).ack();
    batch.clear();
  }
  count_items(state, kBatch, "message");
}

void enter_consumers(std::uint64_t copies, int threads) {
  const std::string subject = "receive and ack, " + std::to_string(threads) + " threads" +
                              (copies > 1 ? ", each id twice" : "");
  const auto set_up = [](benchmark::internal::Benchmark* bench, std::uint64_t n, int count) {
    // Google Benchmark takes plain functions here, so the number goes by another way.
    bench->Threads(count)->Setup(
        n > 1 ? [](const benchmark::State&) { shared = std::make_unique<Queue>(2); }
              : [](const benchmark::State&) { shared = std::make_unique<Queue>(1); });
    bench->Teardown([](const benchmark::State&) { shared.reset(); });
  };
  set_up(contest(subject, kOurs, receive_and_ack<true>), copies, threads);
  set_up(contest(subject, "no window", receive_and_ack<false>), copies, threads);
}

constexpr std::size_t kIdsMax = 100'000;

std::vector<std::string> many_ids() {
  std::vector<std::string> ids(4 * kIdsMax);
  for (std::string& id : ids) id = Uuid::v7().text();
  return ids;
}

// As the consumer uses it: under a lock, with the time of the batch.
struct OurWindow {
  bool add(const std::string& id) {
    const RecentKey key = RecentKey::of(id);
    const std::lock_guard lock(mutex);
    if (set.contains(key, now)) return false;
    set.add(key, now);
    return true;
  }
  std::mutex mutex;
  const Time now = std::chrono::steady_clock::now();
  RecentSet set{kIdsMax, std::chrono::minutes(1)};
};

// The oldest id goes when it is full.
struct SetWindow {
  bool add(const std::string& id) {
    const std::lock_guard lock(mutex);
    if (!set.insert(id).second) return false;
    order.push_back(id);
    if (order.size() > kIdsMax) {
      set.erase(order.front());
      order.pop_front();
    }
    return true;
  }
  std::mutex mutex;
  std::unordered_set<std::string> set;
  std::deque<std::string> order;
};

template <class Window>
void look_up_and_add(benchmark::State& state) {
  static const std::vector<std::string> ids = many_ids();
  Window window;
  std::size_t next = 0;
  for (auto _ : state) {
    if (!window.add(ids[next])) state.SkipWithError("an id was taken for another");
    next = (next + 1) % ids.size();
  }
  count_items(state, 1, "message");
}

}  // namespace

void register_contests() {
  for (const std::uint64_t copies : {1U, 2U}) {
    for (const int threads : {1, 2, 4}) enter_consumers(copies, threads);
  }
  contest("look up and add", kOurs, look_up_and_add<OurWindow>);
  contest("look up and add", "mutex and unordered_set", look_up_and_add<SetWindow>);
}

}  // namespace millrace::bench
