// What the memory queue keeps: a message, and which attempt its next delivery is.
#pragma once

#include <cstdint>
#include <utility>

#include "message/message.h"

namespace millrace::queue {

struct QueuedMessage {
  explicit QueuedMessage(Message&& m, std::uint32_t next_attempt = 1) noexcept
      : message(std::move(m)), attempt(next_attempt) {}

  Message message;
  std::uint32_t attempt;  // counts from 1; attempts already made are one fewer
};

}  // namespace millrace::queue
