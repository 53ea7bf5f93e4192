// Putting dead letters back into the queue.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "queue/dead_letters.h"
#include "queue/producer.h"

namespace millrace::edge {

// Exactly one of all, ids and reason is set.
struct ReplayRequest {
  bool all = false;
  std::set<std::string> ids{};
  std::string reason{};  // part of it
  bool dry_run = false;

  [[nodiscard]] bool matches(const queue::KeptLetter& letter) const {
    return all || ids.contains(letter.id) ||
           (!reason.empty() && letter.reason.find(reason) != letter.reason.npos);
  }
};

struct ReplayOutcome {
  std::uint64_t matched = 0;
  std::uint64_t replayed = 0;  // the queue has them, and they aren't listed any more
  std::uint64_t failed = 0;    // still listed
  Status first_failure;
  bool more = false;  // the time was over: ask again
};

// Goes through the list from the newest that is there now, page by page: what becomes a dead letter
// meanwhile, a replayed one for instance, isn't met. A letter is published first and taken off the
// list when the queue has it; one whose replay was interrupted in between is replayed again, with
// the same replay number, by which queues and workers know it. Blocks until `deadline` at most.
ReplayOutcome replay(queue::DeadLetters& letters, queue::Producer& producer,
                     const ReplayRequest& request, Time deadline);

}  // namespace millrace::edge
