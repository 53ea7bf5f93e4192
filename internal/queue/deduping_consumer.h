// A consumer that hands out each id once within a window, however often it comes: repeats of a
// client with an Idempotency-Key, a broker's redeliveries, the copies of a composite queue.
//
// Of several deliveries of one id the first is handed out, and the others share its fate: they are
// held until it is settled, and then settled as it is. What comes after it was acked is acked at
// once. One that was rejected had no effect, so the same id may come again: a dead letter that
// somebody posts once more. Unless copies are to be expected, which may come long after: then its
// replay (Message::replay()) may come again, and nothing else.
//
// The memory is this process's: several processors each have their own, and a new one begins empty.
#pragma once

#include <atomic>
#include <unordered_map>
#include <vector>

#include "base/recent_set.h"
#include "base/thread_annotations.h"
#include "queue/consumer.h"

namespace millrace::queue {

struct DedupeOptions {
  Duration window = std::chrono::minutes(10);  // at least so long; 0: only what is in work now
  std::size_t max = 1'000'000;                 // ids remembered
  bool expects_copies = false;                 // of each message, as from a composite
};

// Thread-safe, except destruction: by then every delivery must be settled and every call returned.
class DedupingConsumer final : public Consumer, public Settler {
 public:
  // Borrows both.
  DedupingConsumer(Consumer& inner, DedupeOptions options, const Clock& clock = system_clock())
      : inner_(inner),
        clock_(clock),
        expects_copies_(options.expects_copies),
        done_(options.max, options.window) {}

  Status start() override { return inner_.start(); }
  Status receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override;
  [[nodiscard]] Status health() const override { return inner_.health(); }
  // Of the inner consumer: those that share another's fate are in flight with it.
  [[nodiscard]] ConsumerStats consumer_stats() const override { return inner_.consumer_stats(); }
  // Deliveries that were never handed out.
  [[nodiscard]] std::uint64_t duplicates() const {
    return duplicates_.load(std::memory_order_relaxed);
  }

  void stop_accepting() override { inner_.stop_accepting(); }
  Status drain(Time deadline) override { return inner_.drain(deadline); }
  void abort() override { inner_.abort(); }

 private:
  // An id in work; a delivery's token points to it.
  struct InWork {
    RecentKey key;
    Delivery first;
    std::vector<Delivery> copies;
  };

  using Works = std::unordered_map<RecentKey, InWork, RecentKeyHash>;

  // What came in one batch, with the key of each.
  struct Arrivals {
    std::vector<Delivery> deliveries;
    std::vector<RecentKey> keys;
  };

  void hand_out(Arrivals& arrived, std::vector<Delivery>& out, std::vector<Delivery>& repeated)
      EXCLUDES(mutex_);
  void hand_out(const RecentKey& key, Time now, Delivery delivery, std::vector<Delivery>& out,
                std::vector<Delivery>& repeated) REQUIRES(mutex_);
  InWork& put_in_work(const RecentKey& key, Delivery first) REQUIRES(mutex_);
  // Takes the id out of work, its message in the first delivery again. Done: it isn't handed out
  // again within the window.
  InWork finish(Delivery& delivery, bool done) EXCLUDES(mutex_);
  InWork finish(Delivery& delivery, bool done, Time now) REQUIRES(mutex_);

  void on_ack(Delivery& delivery) noexcept override;
  void on_ack_all(std::span<Delivery> deliveries) noexcept override;
  void on_retry(Delivery& delivery, Duration delay, std::string_view why) noexcept override;
  void on_reject(Delivery& delivery, std::string_view why) noexcept override;
  void on_nack(Delivery& delivery) noexcept override;
  void on_extend(Delivery& delivery) noexcept override;
  [[nodiscard]] Origin origin(const Delivery& delivery) const override;

  Consumer& inner_;
  const Clock& clock_;
  const bool expects_copies_;
  std::atomic<std::uint64_t> duplicates_{0};

  Mutex mutex_;
  RecentSet done_ GUARDED_BY(mutex_);
  Works in_work_ GUARDED_BY(mutex_);
  // Of works that are finished, to spare the allocations; as many as were ever in work at a time.
  std::vector<Works::node_type> spare_ GUARDED_BY(mutex_);
};

}  // namespace millrace::queue
