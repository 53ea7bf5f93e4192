#include "queue/composite/composite_dead_letters.h"

#include <algorithm>
#include <map>

namespace millrace::queue {
namespace {

// Characters that a URL takes as they are.
constexpr char kName = '.';
constexpr char kNext = '~';
constexpr std::string_view kToTheEnd = "-";

Status named(const std::string& name, const Status& status) {
  return {status.code(), name + ": " + status.text()};
}

}  // namespace

Status CompositeDeadLetters::start() {
  for (const auto& part : parts_) {
    if (Status failed = part.store->start(); !failed.ok()) return failed;
  }
  return {};
}

Status CompositeDeadLetters::write(std::span<const DeadLetter> letters) {
  Status first_failed;
  for (const auto& part : parts_) {
    Status failed = part.store->write(letters);
    if (failed.ok()) return {};
    if (first_failed.ok()) first_failed = named(part.name, failed);
  }
  return first_failed;
}

std::optional<CompositeDeadLetters::Cursors> CompositeDeadLetters::parse(
    std::string_view after) const {
  Cursors cursors(parts_.size(), "");
  if (after.empty()) return cursors;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::string prefix = parts_[i].name + kName;
    const std::string_view one = after.substr(0, after.find(kNext));
    if (!one.starts_with(prefix)) return std::nullopt;
    const std::string_view cursor = one.substr(prefix.size());
    if (cursor == kToTheEnd) {
      cursors[i] = std::nullopt;
    } else {
      cursors[i] = cursor;
    }
    after.remove_prefix(std::min(one.size() + 1, after.size()));
  }
  return after.empty() ? std::optional(cursors) : std::nullopt;
}

std::string CompositeDeadLetters::text_of(const Cursors& cursors) const {
  std::string text;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0) text.push_back(kNext);
    text.append(parts_[i].name + kName).append(cursors[i].value_or(std::string(kToTheEnd)));
  }
  return text;
}

Result<DeadLetterPage> CompositeDeadLetters::list(std::string_view after, std::size_t max) {
  auto cursors = parse(after);
  if (!cursors) return Status(Code::invalid, "not a position in the dead letters");
  struct Listed {
    std::size_t part;
    KeptLetter letter;
  };
  std::vector<Listed> all;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (!(*cursors)[i]) continue;
    auto page = parts_[i].store->list(*(*cursors)[i], max);
    if (!page.has_value()) return named(parts_[i].name, page.error());
    for (KeptLetter& letter : page->letters) all.push_back({i, std::move(letter)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) {
    return a.letter.dead_lettered_ms > b.letter.dead_lettered_ms;
  });
  if (all.size() > max) all.erase(all.begin() + static_cast<std::ptrdiff_t>(max), all.end());
  DeadLetterPage page;
  std::vector<std::size_t> taken(parts_.size(), 0);
  for (Listed& listed : all) {
    ++taken[listed.part];
    listed.letter.key.insert(0, parts_[listed.part].name + ":");
    page.letters.push_back(std::move(listed.letter));
  }
  bool more = false;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::optional<std::string>& cursor = (*cursors)[i];
    if (!cursor) continue;
    auto next = advance(*parts_[i].store, *cursor, taken[i]);
    if (!next.has_value()) return named(parts_[i].name, next.error());
    cursor = std::move(*next);
    more = more || cursor.has_value();
  }
  if (more && !page.letters.empty()) page.next = text_of(*cursors);
  return page;
}

Result<std::optional<std::string>> CompositeDeadLetters::advance(DeadLetters& store,
                                                                 const std::string& cursor,
                                                                 std::size_t count) {
  if (count == 0) return std::optional(cursor);
  auto page = store.list(cursor, count);
  if (!page.has_value()) return page.error();
  return page->next.empty() ? std::nullopt : std::optional(page->next);
}

Status CompositeDeadLetters::mark_replayed(std::span<const std::string> keys) {
  std::map<std::string, std::vector<std::string>, std::less<>> by_store;
  for (const std::string& key : keys) {
    const std::size_t colon = key.find(':');
    if (colon == std::string::npos) return {Code::invalid, "'" + key + "' names no store"};
    by_store[key.substr(0, colon)].push_back(key.substr(colon + 1));
  }
  for (const auto& [name, theirs] : by_store) {
    const auto part = std::find_if(parts_.begin(), parts_.end(),
                                   [&wanted = name](auto& one) { return one.name == wanted; });
    if (part == parts_.end()) return {Code::invalid, "there is no store '" + name + "'"};
    if (Status failed = part->store->mark_replayed(theirs); !failed.ok()) {
      return named(name, failed);
    }
  }
  return {};
}

Status CompositeDeadLetters::flush() {
  Status failed;
  for (const auto& part : parts_) {
    if (Status one = part.store->flush(); failed.ok()) failed = std::move(one);
  }
  return failed;
}

Status CompositeDeadLetters::reopen() {
  Status failed;
  for (const auto& part : parts_) {
    if (Status one = part.store->reopen(); failed.ok()) failed = std::move(one);
  }
  return failed;
}

}  // namespace millrace::queue
