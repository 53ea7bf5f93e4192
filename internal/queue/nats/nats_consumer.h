// Receiving from a JetStream stream through its durable pull consumer, which any number of
// processors share. A thread of its own fetches ahead, in batches; another tells the server of what
// isn't settled yet that it is still being worked on, so that a message is given to somebody else
// only when this process has died or lost the server.
//
// A frame (nats_frame.h) is taken apart here. The server hears of it once all its messages are
// settled; one to be tried again meanwhile waits here, and when we close it is left to the server,
// with the whole frame: those of its messages that were done come again then.
//
// The attempt of a delivery is the server's count of deliveries without those that we gave back
// unhandled: one that a dead process had counts.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <queue>
#include <string_view>
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
  // what other processors have in work. What the server has is counted as it stores it: a frame
  // is one.
  [[nodiscard]] ConsumerStats consumer_stats() const override;
  // The stream's, of half a second ago; until the server has said so it is empty, and bounded as
  // the options say.
  [[nodiscard]] std::optional<Fill> fill() const override;

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
  struct Held;
  // A message, alone or in a frame; a delivery's token points to it.
  struct Part {
    Held* held = nullptr;
    std::string_view wire;
    std::uint32_t failed = 0;  // attempts since it was fetched
    std::int64_t first_failed_ms = 0;

    [[nodiscard]] bool alone() const;
    // Bytes it counts for.
    [[nodiscard]] std::uint64_t cost() const { return wire.size() + sizeof(Part); }
  };
  // What the server gave us as one, fetched and not settled.
  struct Held {
    std::shared_ptr<Source> source;
    NatsMessage message;
    std::uint64_t sequence = 0;
    std::uint64_t delivered = 0;
    std::uint64_t replay = 0;  // Message::replay()
    Status broken;             // why it can't be taken apart: it is one part then, and foreign
    std::vector<Part> parts;
    std::uint64_t bytes = 0;            // what the parts count for
    std::size_t next = 0;               // the first part that wasn't handed out yet
    std::atomic<std::size_t> left = 0;  // parts not settled
    std::atomic<bool> give_back = false;
    Time due;   // given back: not before
    Time told;  // when the server last heard that we have it

    // Whether to hand out the rest of it although we are closing.
    [[nodiscard]] bool must_end() const { return next > 0 && !give_back; }
  };
  // A part of a frame that is to be tried again.
  struct Waiting {
    Time due;
    Part* part;
    bool operator>(const Waiting& other) const { return due > other.due; }
  };
  // What the server is told.
  enum class Verdict : std::uint8_t { done, never, again };

  void close(bool abort) EXCLUDES(mutex_);

  void run_fetching(const std::stop_token& stop);
  std::shared_ptr<Source> subscribe(std::shared_ptr<NatsSession> session);
  void fetch(const std::shared_ptr<Source>& source, std::size_t max);
  void keep(const std::shared_ptr<Source>& source, NatsMessage message) REQUIRES(mutex_);
  static void take_apart(Held& held);
  // How many may be fetched, as the server counts; waits until that is something. 0: stopped.
  std::size_t room(const std::stop_token& stop);
  [[nodiscard]] bool wants_more() const REQUIRES(mutex_);
  void adapt() REQUIRES(mutex_);

  void run_keeping(const std::stop_token& stop);
  void tell_still_at_work(Time now) EXCLUDES(mutex_);

  // The receiving threads.
  std::vector<Part*> take(std::size_t max, Time deadline, const std::stop_token& stop,
                          Status& status) EXCLUDES(mutex_);
  [[nodiscard]] bool has_ready(Time now) const REQUIRES(mutex_);
  Part& next_ready(Time now) REQUIRES(mutex_);
  void deliver(Part& part, std::vector<Delivery>& out);
  void bury_foreign(Part& part, const Status& why);
  static Part& part_of(const Delivery& delivery);

  // Closes the books of a part. The last one of what was fetched tells the server.
  void settle(Part& part, std::uint64_t ConsumerStats::*book, Verdict verdict) EXCLUDES(mutex_);
  // To be handed out again: by the server, or here when it is one of several.
  void put_back(Part& part, std::uint64_t ConsumerStats::*book, Duration delay) EXCLUDES(mutex_);
  void tell(Held& held, Verdict verdict) EXCLUDES(mutex_);
  static void leave_to_server(Held& held, Time due);  // with mutex_ held
  void close_books(std::uint64_t ConsumerStats::*book, std::size_t count) REQUIRES(mutex_);
  void release(Held& held) REQUIRES(mutex_);
  // What wasn't handed out; of what was handed out in part the rest only if `all`.
  void give_back_buffer(bool all) EXCLUDES(mutex_);

  void on_ack(Delivery& delivery) noexcept override;
  void on_ack_all(std::span<Delivery> deliveries) noexcept override;
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
  std::size_t buffered_ GUARDED_BY(mutex_) = 0;  // messages in it, and their bytes
  std::uint64_t buffer_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t frame_bytes_ GUARDED_BY(mutex_) = 0;  // of all frames until they are settled
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_ GUARDED_BY(mutex_);
  std::size_t window_ GUARDED_BY(mutex_);  // how many messages to fetch ahead, see adapt()
  std::size_t per_frame_ GUARDED_BY(mutex_) = kWindowMin;  // messages in each fetched last
  bool last_was_full_ GUARDED_BY(mutex_) = false;
  NatsHistory history_ GUARDED_BY(mutex_);
  std::shared_ptr<NatsSession> latest_ GUARDED_BY(mutex_);
  ConsumerStats stats_ GUARDED_BY(mutex_);
  std::uint64_t unsettled_ GUARDED_BY(mutex_) = 1;  // as the server said; until it has, not none
  Fill fill_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  bool aborted_ GUARDED_BY(mutex_) = false;

  std::jthread keeping_;  // last: they use the members above
  std::jthread fetching_;
};

}  // namespace millrace::queue
