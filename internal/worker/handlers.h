// The handlers that can be chosen by name (the setting HANDLER).
#pragma once

#include <memory>
#include <string_view>

#include "worker/handler.h"

namespace millrace::worker {

// "passthrough": the result is the payload.
class PassthroughHandler final : public Handler {
 public:
  Outcome handle(const diplom::v1::DataMessage& message, const Context& context) override;
};

// "checksum": about a microsecond of arithmetic on a payload of 100 bytes, for tests and benches.
// The result is the CRC-32 of the payload repeated kRounds times, in 8 hexadecimal digits.
class ChecksumHandler final : public Handler {
 public:
  static constexpr int kRounds = 4;
  Outcome handle(const diplom::v1::DataMessage& message, const Context& context) override;
};

// The handler of that name, "faulty" (fault_handler.h) included; null when there is none.
std::unique_ptr<Handler> make_handler(std::string_view name);

}  // namespace millrace::worker
