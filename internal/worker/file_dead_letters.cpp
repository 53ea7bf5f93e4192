#include "worker/file_dead_letters.h"

#include <charconv>
#include <cstdio>
#include <unordered_set>
#include <zlib.h>

#include "sink/backward_lines.h"
#include "worker/letter_json.h"

namespace millrace::worker {
namespace {

// Where the line is, and what it says: after a rotation another line may be there.
std::string key_of(const sink::BackwardLines::Line& line) {
  const auto sum = ::crc32_z(0, reinterpret_cast<const Bytef*>(line.text.data()), line.text.size());
  char text[40];
  std::snprintf(text, sizeof text, "%llu-%08lx", static_cast<unsigned long long>(line.offset), sum);
  return text;
}

std::optional<std::uint64_t> offset_of(std::string_view key) {
  std::uint64_t offset = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), offset);
  if (error != std::errc() || end == key.data() + key.size() || *end != '-') return std::nullopt;
  return offset;
}

}  // namespace

Status FileDeadLetters::write(std::span<const queue::DeadLetter> letters) {
  const std::int64_t now_ms = clock_.unix_ms();
  std::string lines;
  for (const queue::DeadLetter& letter : letters) append_letter_line(lines, letter, now_ms);
  return file_.append(lines);
}

Result<queue::DeadLetterPage> FileDeadLetters::list(std::string_view after, std::size_t max) {
  std::uint64_t below = UINT64_MAX;
  if (!after.empty()) {
    const auto offset = offset_of(after);
    if (!offset) return Status(Code::invalid, "not a position in the dead letters");
    below = *offset;
  }
  auto lines = sink::BackwardLines::open(file_.path());
  if (!lines.has_value()) return lines.error();
  // Backwards, so that what takes a letter off the list is read before the letter.
  std::unordered_set<std::string> replayed;
  queue::DeadLetterPage page;
  while (const auto line = lines->next()) {
    if (auto keys = parse_replayed_line(line->text)) {
      replayed.insert(keys->begin(), keys->end());
      continue;
    }
    if (line->offset >= below) continue;
    std::string key = key_of(*line);
    if (replayed.contains(key)) continue;
    auto letter = parse_letter_line(line->text);
    if (!letter) continue;  // torn by a crash, or somebody else's
    if (page.letters.size() == max) {
      page.next = page.letters.back().key;
      break;
    }
    letter->key = std::move(key);
    page.letters.push_back(std::move(*letter));
  }
  return page;
}

Status FileDeadLetters::mark_replayed(std::span<const std::string> keys) {
  for (const std::string& key : keys) {
    if (!offset_of(key)) return {Code::invalid, "'" + key + "' is no dead letter's key"};
  }
  std::string line;
  append_replayed_line(line, keys, clock_.unix_ms());
  Status status = file_.append(line);
  return status.ok() ? file_.sync() : status;
}

}  // namespace millrace::worker
