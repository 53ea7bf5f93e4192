#include "edge/ingest/key_window.h"

#include <string>

namespace millrace::edge {
namespace {

// Lengths go in too, so that no two contents look the same.
RecentKey content_of(const MessageFields& message) {
  std::string content;
  const auto add = [&](std::string_view text) {
    content.append(std::to_string(text.size())).append(":").append(text);
  };
  add(message.payload);
  for (const auto& [name, value] : message.metadata) {
    add(name);
    add(value);
  }
  return RecentKey::of(content);
}

}  // namespace

KeyWindow::Use::Use(const MessageFields& message)
    : key(RecentKey::of(message.id)), content(content_of(message)) {}

KeyWindow::Entry* KeyWindow::find(const RecentKey& key) {
  for (Table& table : tables_) {
    if (const auto found = table.find(key); found != table.end()) return &found->second;
  }
  return nullptr;
}

void KeyWindow::take_turns() {
  const Time now = clock_.now();
  auto& [younger, older] = tables_;
  if (now - began_ >= 2 * options_.window) {
    younger.clear();
    older.clear();
  } else if (now - began_ >= options_.window || younger.size() >= options_.max / 2) {
    older.clear();
    std::swap(younger, older);
  } else {
    return;
  }
  began_ = now;
}

KeyWindow::Seen KeyWindow::begin(const Use& use) {
  const MutexLock lock(mutex_);
  take_turns();
  Entry* known = find(use.key);
  if (known == nullptr) known = &tables_[0].emplace(use.key, Entry{use.content}).first->second;
  if (known->content != use.content) return Seen::other_body;
  if (known->stored) return Seen::stored;
  ++known->under_way;
  return Seen::first;
}

void KeyWindow::end(const Use& use, const Status& verdict) {
  const MutexLock lock(mutex_);
  Entry* const known = find(use.key);
  // When the window was over meanwhile, the key may be another's now.
  if (known == nullptr || known->content != use.content) return;
  if (known->under_way > 0) --known->under_way;
  known->stored |= verdict.ok();
  known->unknown |= verdict.code() == Code::deadline;
  if (known->stored || known->unknown || known->under_way > 0) return;
  for (Table& table : tables_) table.erase(use.key);
}

}  // namespace millrace::edge
