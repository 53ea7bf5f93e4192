// Receiving from a JetStream stream through its durable pull consumer, which any number of
// processors share. A thread of its own fetches ahead, in batches; another tells the server of what
// isn't settled yet that it is still being worked on, so that a message is given to somebody else
// only when this process has died or lost the server.
//
// The attempt of a delivery is the server's count of deliveries without those that we gave back
// unhandled: one that a dead process had counts.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "queue/consumer.h"
#include "queue/dead_letters.h"
#include "queue/nats/nats_history.h"
#include "queue/nats/nats_link.h"

namespace millrace::queue {

// Thread-safe, except destruction: by then every delivery must be settled and every call returned.
class NatsConsumer final : public Consumer, public Settler {
 public:
  // What isn't a message of ours goes to `foreign`, with the reason. Borrows it.
  NatsConsumer(NatsOptions options, DeadLetters& foreign);
  ~NatsConsumer() override;

  // Returns at once, whether the server is there or not: health() says so.
  Status start() override;
  Status receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                 const std::stop_token& stop) override;
  [[nodiscard]] Status health() const override { return link_.health(); }
  // `waiting` is what the server had half a second ago, and 1 until it has said so; it includes
  // what other processors have in work.
  [[nodiscard]] ConsumerStats consumer_stats() const override;

  // What is fetched and not handed out goes back to the server at once.
  void stop_accepting() override { close(false); }
  // Waits until everything in flight is settled and the server was told.
  Status drain(Time deadline) override;
  void abort() override { close(true); }

 private:
  static constexpr std::size_t kWindowMin = 32;

  // A subscription with the session it needs, for as long as one of its messages is unsettled.
  struct Source {
    std::shared_ptr<NatsSession> session;
    NatsSubscription subscription;
  };
  // A message fetched and not settled; a delivery's token points to it.
  struct Held {
    std::shared_ptr<Source> source;
    NatsMessage message;
    std::uint64_t sequence = 0;
    std::uint64_t delivered = 0;
    std::uint64_t bytes = 0;
    Time told;  // when the server last heard that we have it
  };

  void close(bool abort) EXCLUDES(mutex_);

  void run_fetching(const std::stop_token& stop);
  std::shared_ptr<Source> subscribe(std::shared_ptr<NatsSession> session);
  void fetch(const std::shared_ptr<Source>& source, std::size_t max);
  void keep(const std::shared_ptr<Source>& source, NatsMessage message) REQUIRES(mutex_);
  // How many may be fetched; waits until that is something. 0: stopped.
  std::size_t room(const std::stop_token& stop);
  [[nodiscard]] bool wants_more() const REQUIRES(mutex_);
  void adapt() REQUIRES(mutex_);

  void run_keeping(const std::stop_token& stop);
  void tell_still_at_work(Time now) EXCLUDES(mutex_);

  std::vector<Held*> take(std::size_t max, Time deadline, const std::stop_token& stop,
                          Status& status);
  void deliver(Held& held, std::vector<Delivery>& out);
  void bury_foreign(Held& held, const Status& why);
  static Held& held_of(const Delivery& delivery);

  // Tells the server by `tell(message)`, and closes the books of it.
  template <class Tell>
  void settle(Held& held, std::uint64_t ConsumerStats::*book, Tell tell);
  void release(Held& held) REQUIRES(mutex_);
  void give_back_buffer() EXCLUDES(mutex_);

  void on_ack(Delivery& delivery) noexcept override;
  void on_retry(Delivery& delivery, Duration delay, std::string_view why) noexcept override;
  void on_reject(Delivery& delivery, std::string_view why) noexcept override;
  void on_nack(Delivery& delivery) noexcept override;
  [[nodiscard]] Origin origin(const Delivery& delivery) const override;

  const NatsOptions options_;
  DeadLetters& foreign_;
  NatsLink link_;

  mutable Mutex mutex_;
  std::condition_variable arrivals_;  // receivers wait here
  std::condition_variable room_;      // the fetching thread waits here
  std::condition_variable settled_;   // drain() waits here
  std::deque<Held> slots_ GUARDED_BY(mutex_);
  std::vector<Held*> free_ GUARDED_BY(mutex_);
  std::deque<Held*> buffer_ GUARDED_BY(mutex_);
  std::uint64_t buffer_bytes_ GUARDED_BY(mutex_) = 0;
  std::size_t window_ GUARDED_BY(mutex_);  // how many to fetch ahead, see adapt()
  bool last_was_full_ GUARDED_BY(mutex_) = false;
  NatsHistory history_ GUARDED_BY(mutex_);
  std::shared_ptr<NatsSession> latest_ GUARDED_BY(mutex_);
  ConsumerStats stats_ GUARDED_BY(mutex_);
  std::uint64_t unsettled_ GUARDED_BY(mutex_) = 1;  // as the server said; until it has, not none
  bool closed_ GUARDED_BY(mutex_) = false;
  bool aborted_ GUARDED_BY(mutex_) = false;

  std::jthread keeping_;  // last: they use the members above
  std::jthread fetching_;
};

}  // namespace millrace::queue
