// What a worker has in its hands: deliveries, what became of each, and the results for the sink.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "diplom/v1/diplom.pb.h"
#include "queue/delivery.h"
#include "worker/ownership.h"

namespace millrace::worker {

// What is to become of a delivery once its result is safe.
struct Verdict {
  enum class Kind : std::uint8_t { ack, retry, dead_letter };
  Kind kind = Kind::ack;
  Duration delay{};              // retry: not before
  std::string why{};             // retry, dead_letter
  std::int64_t timestamp_s = 0;  // the message's, for its age
};

// ProcessingResults that are cleared and filled again, to spare the allocations.
class Results {
 public:
  diplom::v1::ProcessingResult& add() {
    if (size_ == pool_.size()) pool_.emplace_back();
    return pool_[size_++];
  }
  [[nodiscard]] std::span<diplom::v1::ProcessingResult> all() { return {pool_.data(), size_}; }

  void clear() {
    for (auto& result : all()) {
      // The handler's string was moved in: keeping it would keep the largest result ever seen.
      std::string().swap(*result.mutable_result());
      result.Clear();
    }
    size_ = 0;
  }

 private:
  std::vector<diplom::v1::ProcessingResult> pool_;
  std::size_t size_ = 0;
};

// The first verdicts.size() deliveries are handled; `results` are those of them that have a final
// verdict (ack and dead_letter), in their order.
struct Batch {
  std::vector<queue::Delivery> deliveries;
  std::vector<Verdict> verdicts;
  Results results;

  [[nodiscard]] bool all_handled() const { return verdicts.size() == deliveries.size(); }
};

// A worker's batch with who may touch it. All but `index` and `ownership` itself belong to whom
// `ownership` says.
struct alignas(64) Slot {
  explicit Slot(std::size_t worker) : index(worker) {}

  const std::size_t index;
  Ownership ownership;
  Batch batch;
  Time handler_started{};
  bool reported_stuck = false;
};

}  // namespace millrace::worker
