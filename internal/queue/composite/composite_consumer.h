// Receiving from several queues, the providers. A thread for each receives ahead into one small
// buffer; a delivery is settled with the provider that it comes from.
//
// The copies of a message in several providers are deliveries of their own: a DedupingConsumer
// around this hands out one of them, as far as one process sees them.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "queue/consumer.h"

namespace millrace::queue {

struct CompositeConsumerPart {
  std::string name;
  std::shared_ptr<Consumer> consumer;
};

struct CompositeConsumerStats {
  std::string name;
  ConsumerStats receiving;
};

// Thread-safe, except destruction: by then every delivery must be settled and every call returned.
class CompositeConsumer final : public Consumer {
 public:
  explicit CompositeConsumer(std::vector<CompositeConsumerPart> parts);
  ~CompositeConsumer() override;

  Status start() override;
  Status receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override;
  // Ok while any provider can be received from: the others' messages wait for them.
  [[nodiscard]] Status health() const override;
  // The sums; what is in the buffer counts as waiting.
  [[nodiscard]] ConsumerStats consumer_stats() const override;

  [[nodiscard]] std::vector<CompositeConsumerStats> part_stats() const;

  void stop_accepting() override;
  Status drain(Time deadline) override;
  void abort() override;

 private:
  static constexpr std::size_t kBuffered = 256;  // deliveries, of each provider

  // A provider and what was received of it and not handed out.
  struct Part {
    CompositeConsumerPart of;
    std::deque<Delivery> buffer;
    bool over = false;  // nothing comes any more
  };

  void pump(Part& part, const std::stop_token& stop);
  // Waits until there is room. False: stopped.
  bool has_room(const Part& part, const std::stop_token& stop) EXCLUDES(mutex_);
  void hand_out(std::vector<Delivery>& out, std::size_t max) REQUIRES(mutex_);
  // What is dropped of it, outside the lock, is given back.
  [[nodiscard]] std::vector<std::deque<Delivery>> take_buffers() EXCLUDES(mutex_);
  [[nodiscard]] std::size_t buffered() const REQUIRES(mutex_);
  [[nodiscard]] bool all_over() const REQUIRES(mutex_);

  std::vector<std::unique_ptr<Part>> parts_;
  mutable Mutex mutex_;  // guards what is in the parts
  std::condition_variable arrivals_;
  std::condition_variable room_;
  std::size_t turn_ GUARDED_BY(mutex_) = 0;  // the part that is handed out of first
  bool aborted_ GUARDED_BY(mutex_) = false;

  std::vector<std::jthread> pumps_;  // last: they use the members above
};

}  // namespace millrace::queue
