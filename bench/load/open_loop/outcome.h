// What came of a run: the counts that a report is made of.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "histogram.h"

namespace millrace::load {

// Why a request got no answer.
enum class Failure : std::uint8_t {
  connect,     // a connection couldn't be made; no request is lost by it
  send,        // the connection broke while the request was sent
  closed,      // it was closed before the answer was whole
  timeout,     // given up, sent or not
  unreadable,  // what came wasn't an answer
};
inline constexpr std::array<std::string_view, 5> kFailureNames{"connect", "send", "closed",
                                                               "timeout", "unreadable"};

struct Outcome {
  std::uint64_t planned = 0;  // of an open loop: how many were due
  std::uint64_t sent = 0;
  std::uint64_t ok = 0;                            // 200, and as expected
  std::uint64_t unexpected = 0;                    // 200, but the body wasn't
  std::uint64_t partial = 0;                       // 207
  std::array<std::uint64_t, 4> others_by_class{};  // 2xx to 5xx
  std::array<std::uint64_t, kFailureNames.size()> failures{};
  std::uint64_t accepted_messages = 0;
  std::uint64_t waited = 0;  // due while every connection was busy
  std::uint64_t connections_opened = 0;
  // From when it was due; of all that were answered, however, and of those that were given up.
  Histogram latency;
  // From when it was due and a connection was free, until it was sent: the generator's own fault.
  Histogram lateness;
  Time began;         // when the first was due
  Time ended;         // the last answer, or when sending ended if that was later
  double wall_s = 0;  // between the two
  double cpu_s = 0;   // the generator's own

  [[nodiscard]] std::uint64_t answered() const {
    std::uint64_t all = ok + unexpected + partial;
    for (const std::uint64_t count : others_by_class) all += count;
    return all;
  }
  void count(Failure failure) { ++failures[static_cast<std::size_t>(failure)]; }
};

}  // namespace millrace::load
