// Publishing to a JetStream stream, asynchronously: many messages are on their way at a time, and
// each gets the server's own answer. What has come while others were sent goes out in frames, see
// nats_frame.h.
//
// A publish has three outcomes. The server stored the message; it refused it; or no answer came,
// and then nobody knows. The unknown is published again with the same Nats-Msg-Id, which the stream
// drops if it has it, while the deadline lasts; then it is Code::deadline, never a refusal.
#pragma once

#include <atomic>
#include <condition_variable>
#include <thread>
#include <unordered_map>
#include <vector>

#include "queue/nats/nats_link.h"
#include "queue/nats/nats_outgoing.h"
#include "queue/producer.h"
#include "queue/publishing.h"

namespace millrace::queue {

// Thread-safe.
class NatsProducer final : public Producer {
 public:
  // `done` callbacks are posted to `executor`, which outlives it.
  NatsProducer(NatsOptions options, Executor& executor);
  ~NatsProducer() override;

  // Returns at once, whether the server is there or not: health() says so.
  Status start() override;
  // While the server can't be reached, Code::unavailable at once.
  void publish(std::vector<Message> batch, Time deadline, PublishDone done) override;
  [[nodiscard]] Status health() const override;
  [[nodiscard]] std::uint64_t message_bytes_max() const override;
  [[nodiscard]] ProducerStats producer_stats() const override { return books_.stats(); }

  void stop_accepting() override { books_.close(); }
  Status drain(Time deadline) override { return books_.drain(deadline); }
  void abort() override;

 private:
  struct Batch {
    std::vector<Message> messages;
    std::shared_ptr<Publication> publication;
    Time deadline;
  };
  struct Again {
    NatsMessage message;
    NatsPending pending;
  };
  struct Work {
    std::vector<Batch> batches;
    std::vector<Again> again;
  };

  void run(const std::stop_token& stop);
  // Waits for work, until `latest`.
  [[nodiscard]] Work next(const std::stop_token& stop, Time latest);
  void send(const std::vector<Batch>& batches);
  void send(NatsSession& session, NatsOutgoing& gathered);
  // False: not now, try it later.
  bool send_again(Again& again);
  void hand_over(NatsSession& session, NatsMessage message);
  // Takes a message out of in_flight_; nothing when its verdict came already.
  bool take(natsMsg* message, NatsPending& pending);
  void on_answer(NatsMessage message, const jsPubAckErr* error);
  void give_up_all();

  static void ack_handler(jsCtx* js, natsMsg* message, jsPubAck* ack, jsPubAckErr* error,
                          void* closure);
  jsOptions::jsOptionsPublishAsync publishing();

  const NatsOptions options_;
  PublishBooks books_;
  std::atomic<bool> aborted_{false};
  std::atomic<std::uint64_t> stream_bytes_max_{0};  // a message's in the stream; 0: no limit
  NatsGate<NatsProducer>& gate_;
  NatsLink link_;

  Mutex mutex_;
  std::condition_variable work_;
  std::vector<Batch> batches_ GUARDED_BY(mutex_);
  std::vector<Again> again_ GUARDED_BY(mutex_);

  Mutex in_flight_mutex_;
  // The library's messages are owned by it while they are in here.
  std::unordered_map<natsMsg*, NatsPending> in_flight_ GUARDED_BY(in_flight_mutex_);

  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::queue
