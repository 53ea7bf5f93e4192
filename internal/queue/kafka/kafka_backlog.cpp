#include "queue/kafka/kafka_backlog.h"

#include <algorithm>
#include <utility>

namespace millrace::queue {
namespace {

std::uint64_t size_of(const KafkaMessage& raw) { return raw == nullptr ? 0 : raw->len; }

}  // namespace

struct KafkaBacklog::Partition {
  explicit Partition(std::int32_t number) : id(number) {}

  const std::int32_t id;
  OffsetTracker offsets;
  std::size_t in_work = 0;
  std::int64_t next = -1;  // to be fetched; -1: nothing came yet
  std::int64_t end = -1;   // of the topic's partition; -1: not known
  bool ours = true;
};

std::int32_t KafkaBacklog::Held::partition_id() const { return partition->id; }

KafkaBacklog::Partition* KafkaBacklog::find(std::int32_t partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void KafkaBacklog::assign(std::int32_t partition) {
  if (find(partition) == nullptr) {
    partitions_.emplace(partition, std::make_shared<Partition>(partition));
  }
}

void KafkaBacklog::take_away(std::int32_t partition) {
  drop_waiting(partition);
  if (Partition* gone = find(partition)) gone->ours = false;
  partitions_.erase(partition);
}

void KafkaBacklog::drop_waiting(std::int32_t partition) {
  std::vector<Held*> dropped;
  const auto is_of_it = [&](Held* held) {
    if (held->partition->id != partition) return false;
    dropped.push_back(held);
    return true;
  };
  std::erase_if(fresh_, is_of_it);
  for (const Held* held : dropped) fresh_bytes_ -= size_of(held->raw);
  std::erase_if(again_, [&](const auto& entry) { return is_of_it(entry.second); });
  for (Held* held : dropped) release(*held);
}

std::vector<std::int32_t> KafkaBacklog::partitions() const {
  std::vector<std::int32_t> ids;
  for (const auto& [id, partition] : partitions_) ids.push_back(id);
  return ids;
}

std::size_t KafkaBacklog::in_work(std::int32_t partition) const {
  const Partition* found = find(partition);
  return found == nullptr ? 0 : found->in_work;
}

bool KafkaBacklog::keep(std::int32_t partition, std::int64_t offset, KafkaMessage raw) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return false;
  found->second->offsets.add(offset);
  note_next(partition, offset + 1);
  if (free_.empty()) free_.push_back(&slots_.emplace_back());
  Held& held = *free_.back();
  free_.pop_back();
  held.partition = found->second;
  held.offset = offset;
  held.raw = std::move(raw);
  held.attempt = 1;
  held.first_failed_ms = 0;
  fresh_bytes_ += size_of(held.raw);
  fresh_.push_back(&held);
  return true;
}

void KafkaBacklog::note_next(std::int32_t partition, std::int64_t offset) {
  if (Partition* of = find(partition)) of->next = std::max(of->next, offset);
}

void KafkaBacklog::note_end(std::int32_t partition, std::int64_t end) {
  if (Partition* of = find(partition)) of->end = end;
}

void KafkaBacklog::take(std::size_t max, Time now, std::vector<Held*>& taken) {
  while (taken.size() < max && !again_.empty() && again_.begin()->first <= now) {
    taken.push_back(again_.begin()->second);
    again_.erase(again_.begin());
  }
  while (taken.size() < max && !fresh_.empty()) {
    taken.push_back(fresh_.front());
    fresh_bytes_ -= size_of(fresh_.front()->raw);
    fresh_.pop_front();
  }
  for (Held* held : taken) ++held->partition->in_work;
}

bool KafkaBacklog::has_any(Time now) const { return !fresh_.empty() || next_due() <= now; }

Time KafkaBacklog::next_due() const { return again_.empty() ? Time::max() : again_.begin()->first; }

void KafkaBacklog::finish(Held& held) {
  --held.partition->in_work;
  if (held.partition->ours) held.partition->offsets.settle(held.offset);
  release(held);
}

void KafkaBacklog::put_back(Held& held, Time due) {
  --held.partition->in_work;
  if (held.partition->ours) {
    again_.emplace(due, &held);
  } else {
    release(held);
  }
}

std::vector<KafkaBacklog::Position> KafkaBacklog::take_positions() {
  std::vector<Position> moved;
  for (const auto& [id, partition] : partitions_) {
    if (const auto position = partition->offsets.take_position()) moved.push_back({id, *position});
  }
  return moved;
}

void KafkaBacklog::offer_positions_again() {
  for (const auto& [id, partition] : partitions_) partition->offsets.offer_again();
}

std::uint64_t KafkaBacklog::waiting_in_all() const {
  std::uint64_t sum = fresh_.size() + again_.size();
  for (const auto& [id, partition] : partitions_) {
    if (partition->next < 0) {
      sum += 1;
    } else if (partition->end > partition->next) {
      sum += static_cast<std::uint64_t>(partition->end - partition->next);
    }
  }
  return sum;
}

void KafkaBacklog::release(Held& held) {
  held.partition.reset();
  held.raw.reset();
  held.message = Message();
  free_.push_back(&held);
}

}  // namespace millrace::queue
