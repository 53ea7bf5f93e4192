// SINK=none: results are counted and forgotten.
#pragma once

#include <atomic>
#include <cstdint>

#include "sink/sink.h"

namespace millrace::sink {

class NoneSink final : public Sink {
 public:
  Status write(std::span<const diplom::v1::ProcessingResult> results) override {
    results_.fetch_add(results.size(), std::memory_order_relaxed);
    return {};
  }
  Status flush() override { return {}; }

  [[nodiscard]] std::uint64_t results() const { return results_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> results_{0};
};

}  // namespace millrace::sink
