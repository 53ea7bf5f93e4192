#include "queue/deduping_consumer.h"

#include <algorithm>
#include <bit>
#include <iterator>

namespace millrace::queue {

Status DedupingConsumer::receive(std::vector<Delivery>& out, std::size_t max, Time deadline,
                                 const std::stop_token& stop) {
  const std::size_t before = out.size();
  Arrivals arrived;
  for (;;) {
    arrived.deliveries.clear();
    Status status = inner_.receive(arrived.deliveries, max, deadline, stop);
    if (arrived.deliveries.empty()) return status;
    arrived.keys.clear();
    for (const Delivery& delivery : arrived.deliveries) {
      arrived.keys.push_back(RecentKey::of(delivery.message().id(), delivery.message().replay()));
    }
    std::vector<Delivery> repeated;
    hand_out(arrived, out, repeated);
    Delivery::ack_all(repeated);
    if (out.size() > before || !status.ok()) return status;
  }
}

void DedupingConsumer::hand_out(Arrivals& arrived, std::vector<Delivery>& out,
                                std::vector<Delivery>& repeated) {
  const Time now = clock_.now();
  const MutexLock lock(mutex_);
  for (const RecentKey& key : arrived.keys) done_.prefetch(key);
  for (std::size_t i = 0; i < arrived.keys.size(); ++i) {
    hand_out(arrived.keys[i], now, std::move(arrived.deliveries[i]), out, repeated);
  }
}

void DedupingConsumer::hand_out(const RecentKey& key, Time now, Delivery delivery,
                                std::vector<Delivery>& out, std::vector<Delivery>& repeated) {
  if (const auto known = in_work_.find(key); known != in_work_.end()) {
    duplicates_.fetch_add(1, std::memory_order_relaxed);
    known->second.copies.push_back(std::move(delivery));
    return;
  }
  if (done_.contains(key, now)) {
    duplicates_.fetch_add(1, std::memory_order_relaxed);
    repeated.push_back(std::move(delivery));
    return;
  }
  InWork& work = put_in_work(key, std::move(delivery));
  const std::uint32_t attempt = work.first.attempt();
  out.emplace_back(work.first.take_message(), attempt, *this, std::bit_cast<std::uintptr_t>(&work));
}

DedupingConsumer::InWork& DedupingConsumer::put_in_work(const RecentKey& key, Delivery first) {
  if (spare_.empty()) {
    return in_work_.try_emplace(key, InWork{key, std::move(first), {}}).first->second;
  }
  auto node = std::move(spare_.back());
  spare_.pop_back();
  node.key() = key;
  node.mapped() = InWork{key, std::move(first), {}};
  return in_work_.insert(std::move(node)).position->second;
}

DedupingConsumer::InWork DedupingConsumer::finish(Delivery& delivery, bool done) {
  const Time now = clock_.now();
  const MutexLock lock(mutex_);
  return finish(delivery, done, now);
}

DedupingConsumer::InWork DedupingConsumer::finish(Delivery& delivery, bool done, Time now) {
  const auto& work = *std::bit_cast<const InWork*>(static_cast<std::uintptr_t>(delivery.token()));
  if (done) done_.add(work.key, now);
  spare_.push_back(in_work_.extract(work.key));
  InWork finished = std::move(spare_.back().mapped());
  finished.first.put_message(delivery.take_message());  // its own queue may look at it
  return finished;
}

void DedupingConsumer::on_ack(Delivery& delivery) noexcept { on_ack_all({&delivery, 1}); }

void DedupingConsumer::on_ack_all(std::span<Delivery> deliveries) noexcept {
  std::vector<Delivery> inner;
  inner.reserve(deliveries.size());
  const Time now = clock_.now();
  {
    const MutexLock lock(mutex_);
    for (Delivery& delivery : deliveries) {
      InWork work = finish(delivery, true, now);
      inner.push_back(std::move(work.first));
      std::move(work.copies.begin(), work.copies.end(), std::back_inserter(inner));
    }
  }
  Delivery::ack_all(inner);
}

void DedupingConsumer::on_retry(Delivery& delivery, Duration delay, std::string_view why) noexcept {
  InWork work = finish(delivery, false);
  std::move(work.first).retry(delay, why);
  for (Delivery& copy : work.copies) std::move(copy).retry(delay, why);
}

void DedupingConsumer::on_reject(Delivery& delivery, std::string_view why) noexcept {
  InWork work = finish(delivery, expects_copies_);
  std::move(work.first).reject(why);
  for (Delivery& copy : work.copies) std::move(copy).reject(why);
}

void DedupingConsumer::on_nack(Delivery& delivery) noexcept {
  finish(delivery, false);  // and dropped, with its copies
}

void DedupingConsumer::on_extend(Delivery& delivery) noexcept {
  std::bit_cast<InWork*>(static_cast<std::uintptr_t>(delivery.token()))->first.extend();
}

Origin DedupingConsumer::origin(const Delivery& delivery) const {
  return std::bit_cast<const InWork*>(static_cast<std::uintptr_t>(delivery.token()))
      ->first.origin();
}

}  // namespace millrace::queue
