// What goes to the server as one stored message, and who waits for the verdict on it.
#pragma once

#include <memory>
#include <vector>

#include "message/message.h"
#include "queue/nats/nats_handles.h"
#include "queue/nats/nats_options.h"

namespace millrace::queue {

// Messages without a verdict. Not thread-safe.
class NatsPending {
 public:
  void add(const std::shared_ptr<Publication>& publication, std::size_t index, Time deadline);
  [[nodiscard]] bool empty() const { return runs_.empty(); }
  [[nodiscard]] bool has_one_deadline() const { return runs_.size() == 1; }
  // The earliest of their deadlines.
  [[nodiscard]] Time deadline() const;

  // From now on the server may have them.
  void sent() { sent_ = true; }

  // Each of these ends the waiting of some; `*this` holds the rest.
  void judge(const Status& verdict);
  // The server, or we, didn't take them this time. Of what was sent before that says nothing.
  void refuse(const Status& why);
  void no_answer();
  // Those whose deadline has passed.
  void no_answer_until(Time now);

 private:
  // Neighbours in one publication.
  struct Run {
    std::shared_ptr<Publication> publication;
    std::size_t first = 0;
    std::size_t count = 0;
    Time deadline;
  };

  std::vector<Run> runs_;
  bool sent_ = false;
};

// Gathers messages, in their order, until one doesn't go with them. Not thread-safe.
class NatsOutgoing {
 public:
  // Borrows the options.
  explicit NatsOutgoing(const NatsOptions& options) : options_(options) {}

  [[nodiscard]] bool empty() const { return messages_.empty(); }
  // Whether `message` may be stored together with what was gathered. One that somebody may publish
  // again, under the same id, is stored alone: the stream drops repeated ids, and sees a frame's
  // only.
  [[nodiscard]] bool takes(const Message& message, std::uint64_t size_max) const;
  // Borrows the message until encode().
  void add(const Message& message, const std::shared_ptr<Publication>& publication,
           std::size_t index, Time deadline);

  // What was gathered, for the server, and in `pending` who waits for it; gathers anew afterwards.
  Result<NatsMessage> encode(NatsPending& pending);

 private:
  [[nodiscard]] static bool alone(const Message& message);
  Result<NatsMessage> make() const;

  const NatsOptions& options_;
  std::vector<const Message*> messages_;
  std::uint64_t bytes_ = 0;
  NatsPending pending_;
};

}  // namespace millrace::queue
