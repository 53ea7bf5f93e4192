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

KeyWindow::Seen KeyWindow::begin(const MessageFields& message) {
  const RecentKey key = RecentKey::of(message.id);
  const RecentKey content = content_of(message);
  const MutexLock lock(mutex_);
  take_turns();
  if (const Entry* known = find(key)) {
    if (known->content != content) return Seen::other_body;
    return known->stored ? Seen::stored : Seen::first;
  }
  tables_[0].emplace(key, Entry{content});
  return Seen::first;
}

void KeyWindow::end(std::string_view id, const Status& verdict) {
  const RecentKey key = RecentKey::of(id);
  const MutexLock lock(mutex_);
  Entry* const known = find(key);
  if (known == nullptr) return;
  if (verdict.ok()) known->stored = true;
  if (verdict.ok() || verdict.code() == Code::deadline || known->stored) return;
  for (Table& table : tables_) table.erase(key);
}

}  // namespace millrace::edge
