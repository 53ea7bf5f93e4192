// Where messages go that will not be tried again. Nothing is lost: each is kept whole, with why.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "message/message.h"

namespace millrace::worker {

struct DeadLetter {
  const Message* message = nullptr;  // borrowed for the call
  std::string_view reason;
  std::uint32_t attempts = 1;
};

// Thread-safe.
class DeadLetters {
 public:
  virtual ~DeadLetters() = default;
  // All or none; ok once they survive this process. Until it is ok, the delivery is not settled.
  virtual Status write(std::span<const DeadLetter> letters) = 0;
  virtual Status flush() = 0;
  virtual Status reopen() { return {}; }
};

}  // namespace millrace::worker
