// What a member of a consumer group holds: the partitions that are ours, the messages of them that
// aren't settled, and how far each may be committed. A message is waiting, in work, or waiting to
// be tried again; its offset holds the committed position of its partition until it is done.
//
// What is in work when its partition is taken away belongs to somebody else: it is finished without
// any effect here.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "message/message.h"
#include "queue/kafka/kafka_handles.h"
#include "queue/kafka/offset_tracker.h"

namespace millrace::queue {

// Not thread-safe.
class KafkaBacklog {
 public:
  struct Partition;
  struct Held {
    std::shared_ptr<Partition> partition;
    std::int64_t offset = 0;
    KafkaMessage raw;  // until it was handed out
    Message message;   // once it waits to be tried again
    std::uint32_t attempt = 1;
    std::int64_t first_failed_ms = 0;  // Unix time; 0: it never failed

    [[nodiscard]] std::int32_t partition_id() const;
  };
  struct Position {
    std::int32_t partition;
    std::int64_t offset;
  };

  // The partition is ours from now on. Nothing happens when it is already.
  void assign(std::int32_t partition);
  // It isn't any more: what waits of it is dropped.
  void take_away(std::int32_t partition);
  // Until then: nothing of it is handed out any more.
  void drop_waiting(std::int32_t partition);
  [[nodiscard]] std::vector<std::int32_t> partitions() const;
  [[nodiscard]] std::size_t in_work(std::int32_t partition) const;

  // Fetched; the offsets of a partition ascend. False when the partition isn't ours.
  bool keep(std::int32_t partition, std::int64_t offset, KafkaMessage raw);
  // Everything of the partition below `offset` was fetched; the next one there will have `end`.
  void note_next(std::int32_t partition, std::int64_t offset);
  void note_end(std::int32_t partition, std::int64_t end);

  // Up to `max`: what is due again, then the oldest that wait. They are in work from now on.
  void take(std::size_t max, Time now, std::vector<Held*>& taken);
  [[nodiscard]] bool has_any(Time now) const;
  // When the first of those to be tried again is due; Time::max(): there is none.
  [[nodiscard]] Time next_due() const;

  // Of one in work. `held` is gone afterwards.
  void finish(Held& held);
  // Waits again, from `due` on.
  void put_back(Held& held, Time due);

  // How far the partitions may be committed, where that has moved since the last call.
  std::vector<Position> take_positions();
  // The last positions weren't committed: they are to be taken again.
  void offer_positions_again();

  [[nodiscard]] std::size_t waiting() const { return fresh_.size(); }
  [[nodiscard]] std::uint64_t waiting_bytes() const { return fresh_bytes_; }
  [[nodiscard]] std::size_t again() const { return again_.size(); }
  // Those above, and what the brokers have beyond; of a partition that nothing is known of, one.
  [[nodiscard]] std::uint64_t waiting_in_all() const;

 private:
  [[nodiscard]] Partition* find(std::int32_t partition) const;
  void release(Held& held);

  std::map<std::int32_t, std::shared_ptr<Partition>> partitions_;
  std::deque<Held> slots_;
  std::vector<Held*> free_;
  std::deque<Held*> fresh_;
  std::uint64_t fresh_bytes_ = 0;
  std::multimap<Time, Held*> again_;  // by when they are due
};

}  // namespace millrace::queue
