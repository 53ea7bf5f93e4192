#include "worker/fault_handler.h"

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

#include "diplom/v1/diplom.pb.h"
#include "worker/pause.h"

namespace millrace::worker {
namespace {

// The number behind `name` and a colon, if `fault` is made so.
std::optional<std::uint32_t> argument(std::string_view fault, std::string_view name) {
  if (!fault.starts_with(name) || fault.size() <= name.size()) return std::nullopt;
  const std::string_view digits = fault.substr(name.size());
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

Outcome FaultHandler::handle(const diplom::v1::DataMessage& message, const Context& context) {
  const Done done{message.payload()};
  const auto found = message.metadata().find("fault");
  if (found == message.metadata().end()) return done;
  const std::string& fault = found->second;
  if (fault == "throw") throw std::runtime_error("a fault was asked for");
  if (fault == "retry") return RetryLater{.why = "a fault was asked for"};
  if (fault == "reject") return Reject{"a fault was asked for"};
  if (fault == "hang") {
    for (;;) ::pause();
  }
  if (const auto attempt = argument(fault, "retry-until:")) {
    if (context.attempt < *attempt) return RetryLater{.why = "a fault was asked for"};
    return done;
  }
  if (const auto delay_ms = argument(fault, "slow:")) {
    pause(context.stop, std::chrono::milliseconds(*delay_ms));
    return done;
  }
  return Reject{"no such fault"};
}

}  // namespace millrace::worker
