// The outcomes a caller can act on. A closed set: every layer answers in these terms, and each edge
// maps a code to exactly one of its own (HTTP status, gRPC code). No exceptions on the data path.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

// The numbers travel in millrace.v1.HopAnswer: append only.
enum class Code : std::uint8_t {
  ok = 0,
  invalid = 1,      // can't be read: malformed                     HTTP 400
  rejected = 2,     // read, but a field is missing or not allowed   HTTP 422
  too_large = 3,    //                                               HTTP 413
  full = 4,         // a bound was reached; nothing was kept         HTTP 503
  unavailable = 5,  // the next hop can't be reached; nothing kept   HTTP 503
  closed = 6,       // draining; nothing was kept                    HTTP 503
  deadline = 7,     // sent, no verdict in time: outcome unknown     HTTP 504
  internal = 8,     // our fault                                     HTTP 500
};

inline constexpr std::uint8_t kCodeCount = 9;

// "ok", "invalid", ...: stable, for logs and metric labels.
std::string_view code_name(Code code);

// Whether the same request may succeed later. `deadline` counts as retryable because a retry with
// the same id or Idempotency-Key is worked off once.
bool is_retryable(Code code);

// A code and, unless ok, a sentence for a person: what happened, to what, what to change.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string text) : code_(code), text_(std::move(text)) {}

  [[nodiscard]] bool ok() const { return code_ == Code::ok; }
  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool retryable() const { return is_retryable(code_); }

  friend bool operator==(const Status& a, const Status& b) = default;

 private:
  Code code_ = Code::ok;
  std::string text_;
};

// "full: the queue holds 1000 messages": for logs and test output.
std::string to_string(const Status& status);

// A value or the Status that says why there is none.
template <class T>
using Result = boost::system::result<T, Status>;

// Found by boost::system::result::value(): start-up code may turn a failure into an exception.
[[noreturn]] void throw_exception_from_error(const Status& status, const boost::source_location&);

}  // namespace millrace
