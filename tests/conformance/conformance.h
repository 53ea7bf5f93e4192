// The promises of queue/producer.h, consumer.h and delivery.h as checks, to be run unchanged
// against every implementation. A new queue starts from the red suite:
//
//   Fixture fixture{.name = "memory", .features = {}, .make = [](std::size_t capacity) { ... }};
//   require_conformance(fixture);          // conformance_catch.h: a SECTION per check
//
// A check reports instead of asserting, so that the suite itself can be tested: broken_queues.h has
// a queue for each way to break a promise, and the suite must fail it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "queue/consumer.h"
#include "queue/producer.h"

namespace millrace::conformance {

// Two ends of one queue, started, with all they need behind them: one object, or a producer that
// reaches its consumer over a network. Its destructor stops everything; no delivery outlives it.
// The checks call the verbs of Lifecycle on both ends, some of them twice.
class Rig {
 public:
  virtual ~Rig() = default;
  virtual queue::Producer& producer() = 0;
  virtual queue::Consumer& consumer() = 0;

  // Ends both and makes new ones on the same stored messages. Called only if Features::durable.
  virtual void restart() {}
};

// What an implementation promises beyond the common contract. A check of something it doesn't
// promise is skipped, and says so.
struct Features {
  // One producer's messages reach one receiver in the order they were published.
  bool ordered = true;
  // retry(delay) holds the message back for `delay`; otherwise it may come at once.
  bool delayed_retry = true;
  // Holds at most the capacity it was made with, all unsettled messages counted, and refuses what
  // is more with Code::full.
  bool bounded = true;
  // What was accepted outlives its process: Rig::restart() works.
  bool durable = false;
  // Leaves in the broker, when it stops accepting, what it hasn't handed out by then.
  bool leaves_the_rest = false;
  // May deliver a message twice without anybody having asked for it.
  bool may_duplicate = false;
  // Has copies of a message, which count for themselves: one that comes late, after a retry of the
  // others, comes with its own attempt.
  bool has_copies = false;
};

struct Fixture {
  std::string name;
  Features features;
  // A fresh, empty pair with room for `capacity` unsettled messages, if Features::bounded.
  std::function<std::unique_ptr<Rig>(std::size_t capacity)> make;

  // How long to wait for what must come: only a failing check waits so long.
  Duration patience = std::chrono::seconds(10);
  // How late a deadline or a stop may be noticed.
  Duration lateness_max = std::chrono::seconds(2);
  // How long to watch that something does not happen.
  Duration quiet = std::chrono::milliseconds(20);
  // How long nothing must have come for a queue that leaves the rest to be called empty.
  Duration idle = std::chrono::milliseconds(400);
};

enum class Verdict : std::uint8_t { passed, failed, skipped };

struct CheckResult {
  std::string_view check;
  Verdict verdict = Verdict::passed;
  std::string detail;  // what went wrong, or why it was skipped
};

struct Check {
  std::string_view name;        // the promise, as a sentence
  void (*run)(const Fixture&);  // throws what harness.h says
};

// All of them, in reading order.
std::span<const Check> all_checks();

// Makes a fresh pair, runs the check and tears the pair down.
CheckResult run_check(const Check& check, const Fixture& fixture);

std::vector<CheckResult> run_conformance(const Fixture& fixture);

}  // namespace millrace::conformance
