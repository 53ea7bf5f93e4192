// The zoo: for each promise a queue that breaks it, with the check that must say so.
#pragma once

#include <span>
#include <string_view>

#include "conformance/conformance.h"
#include "conformance/simple_queue.h"

namespace millrace::conformance {

struct BrokenQueue {
  Fault fault;
  std::string_view name;
  std::string_view failing_check;
};

std::span<const BrokenQueue> broken_queues();

// SimpleQueue with that fault; short of patience, so that failing is quick.
Fixture broken_fixture(const BrokenQueue& broken);

// SimpleQueue without a fault, with every feature.
Fixture simple_fixture();

}  // namespace millrace::conformance
