#include "message/batch_splitter.h"

#include <algorithm>
#include <utility>

namespace millrace {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
// A raw line feed in a string is no JSON, nor is this.
constexpr char kNoJson = '\x01';

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

// A pretty-printed element in one line.
std::string in_one_line(std::string_view element) {
  std::string line(element);
  bool in_string = false;
  bool escaped = false;
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = in_string ? kNoJson : ' ';
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = in_string && c == '\\' && !escaped;
  }
  return line;
}

}  // namespace

void BatchSplitter::feed(std::string_view bytes) {
  if (failed_) return;
  if (form_ == Form::lines) return feed_lines(bytes);
  feed_array(bytes);
}

void BatchSplitter::end() {
  if (failed_) return;
  if (form_ == Form::lines) return close_element({});
  if (place_ != Place::after) fail("not a whole JSON array: its end is missing");
}

void BatchSplitter::feed_lines(std::string_view bytes) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return keep(bytes);
    close_element(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
}

void BatchSplitter::feed_array(std::string_view bytes) {
  while (!bytes.empty() && !failed_) {
    switch (place_) {
      case Place::before:
        begin_array(bytes);
        break;
      case Place::after:
        check_after(bytes);
        break;
      case Place::inside:
        take_inside(bytes);
        break;
    }
  }
}

void BatchSplitter::take_inside(std::string_view& bytes) {
  // Blanks before an element are no part of it, in however many pieces they come.
  if (kept_.empty() && !too_large_) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(kBlank), bytes.size()));
  }
  const std::size_t end = scan_element(bytes);
  const std::string_view part = bytes.substr(0, end);
  if (end == bytes.size()) {
    bytes = {};
    return keep(part);
  }
  const bool last = bytes[end] == ']';
  bytes.remove_prefix(end + 1);
  // Only the empty array has an end and no element in front.
  const bool empty = last && !any_ && !too_large_ && kept_.empty() && part.empty();
  if (!empty) close_element(part);
  any_ = true;
  if (last) place_ = Place::after;
}

// Where the element ends, at a comma or at the array's end; the size when it doesn't yet.
std::size_t BatchSplitter::scan_element(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ > 0) {
      if (c == '}' || c == ']') --depth_;
    } else if (c == ',' || c == ']') {
      return i;
    }
  }
  return bytes.size();
}

void BatchSplitter::begin_array(std::string_view& bytes) {
  bytes.remove_prefix(std::min(bytes.find_first_not_of(kBlank), bytes.size()));
  if (bytes.empty()) return;
  if (bytes.front() != '[') return fail("not a JSON array: it doesn't begin with [");
  bytes.remove_prefix(1);
  place_ = Place::inside;
}

void BatchSplitter::check_after(std::string_view& bytes) {
  if (!trimmed(bytes).empty()) fail("something follows the JSON array's end");
  bytes = {};
}

void BatchSplitter::keep(std::string_view part) {
  if (too_large_ || kept_.size() + part.size() > element_bytes_max_) {
    too_large_ = true;
    std::string().swap(kept_);
  } else {
    kept_.append(part);
  }
}

void BatchSplitter::close_element(std::string_view last_part) {
  if (kept_.empty() && !too_large_ && last_part.size() <= element_bytes_max_) {
    return hand_out(last_part);
  }
  keep(last_part);
  const std::string whole = std::exchange(kept_, {});
  if (!std::exchange(too_large_, false)) return hand_out(whole);
  take_(Status(Code::too_large,
               "a message must be at most " + std::to_string(element_bytes_max_) + " bytes"));
}

void BatchSplitter::hand_out(std::string_view element) {
  element = trimmed(element);
  if (form_ == Form::lines) {
    if (!element.empty()) take_(element);  // empty lines are nothing
    return;
  }
  if (element.find_first_of("\r\n") == std::string_view::npos) return take_(element);
  take_(std::string_view(in_one_line(element)));
}

void BatchSplitter::fail(const char* why) {
  failed_ = true;
  take_(Status(Code::invalid, why));
}

}  // namespace millrace
