// What handing out each id once costs: a batch of 64 is received and acked, straight from a queue
// that costs next to nothing ("bare"), and with a DedupingConsumer around it. The difference is the
// price.
#include <atomic>
#include <benchmark/benchmark.h>
#include <memory>

#include "base/uuid.h"
#include "queue/deduping_consumer.h"

namespace millrace {
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
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void set_up(const benchmark::State& state) {
  shared = std::make_unique<Queue>(static_cast<std::uint64_t>(state.range(0)));
}
void tear_down(const benchmark::State& /*state*/) { shared.reset(); }

void settings(benchmark::internal::Benchmark* bench) {
  bench->ArgName("copies")->Arg(1)->Arg(2)->Setup(set_up)->Teardown(tear_down);
  bench->UseRealTime()->ThreadRange(1, 4);
}

BENCHMARK(receive_and_ack<false>)->Name("bare")->Apply(settings);
BENCHMARK(receive_and_ack<true>)->Name("deduped")->Apply(settings);

}  // namespace
}  // namespace millrace
