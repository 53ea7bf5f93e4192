#include "queue/memory/backlog.h"

namespace millrace::queue {

void Backlog::push(std::span<Message> messages) {
  const std::size_t in_ring = ring_.try_enqueue(messages);
  for (Message& message : messages.subspan(in_ring)) {
    // There is room, yet a receiver that was suspended midway holds the cell that comes next.
    // Waiting for it could take long, and calling it full would be a lie. With one receiver at a
    // time this can't happen, so the order it may see isn't disturbed.
    delayed_.push(QueuedMessage(std::move(message)), DelayList::kAtOnce);
  }
}

}  // namespace millrace::queue
