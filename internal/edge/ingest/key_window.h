// What was sent with an Idempotency-Key lately: a repeat of what the queue has is answered without
// publishing again, and the same key with another body is refused.
//
// The memory is this process's. A repeat that reaches another instance, or comes when the window is
// over, is published with the same id, and then the queue and the workers tell.
#pragma once

#include <array>
#include <unordered_map>

#include "base/recent_set.h"
#include "base/thread_annotations.h"
#include "message/message.h"

namespace millrace::edge {

struct KeyWindowOptions {
  std::size_t max = 1'000'000;                 // keys, at least 2
  Duration window = std::chrono::minutes(10);  // 0: nothing is known
};

// Thread-safe. Bounded as RecentSet is, by two tables that take turns.
class KeyWindow {
 public:
  KeyWindow(KeyWindowOptions options, const Clock& clock) : options_(options), clock_(clock) {}

  // A key as one request uses it: for what content.
  struct Use {
    explicit Use(const MessageFields& message);  // its id is what key and source give
    RecentKey key;
    RecentKey content;
  };

  enum class Seen : std::uint8_t {
    first,      // or repeated, with an outcome that isn't known yet: to be published
    stored,     // the queue has it
    other_body  // the key was used for something else
  };

  Seen begin(const Use& use) EXCLUDES(mutex_);
  // What became of a first. A key is forgotten, and free for another body, only when the queue
  // can't have it under this one: all its publishes were refused.
  void end(const Use& use, const Status& verdict) EXCLUDES(mutex_);

 private:
  struct Entry {
    RecentKey content;
    std::uint32_t under_way = 0;
    bool unknown = false;  // the queue may have it
    bool stored = false;
  };
  using Table = std::unordered_map<RecentKey, Entry, RecentKeyHash>;

  Entry* find(const RecentKey& key) REQUIRES(mutex_);
  void take_turns() REQUIRES(mutex_);

  const KeyWindowOptions options_;
  const Clock& clock_;
  Mutex mutex_;
  std::array<Table, 2> tables_ GUARDED_BY(mutex_);  // the younger one is first
  Time began_ GUARDED_BY(mutex_){};
};

}  // namespace millrace::edge
