#include "response_reader.h"

#include <algorithm>

#include "base/parse_number.h"

namespace millrace::load {
namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;
constexpr std::size_t kBodyStartBytes = 256;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool same_word(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

ResponseReader::Step ResponseReader::feed(std::string_view& input) {
  if (!in_body_) {
    if (!take_head(input)) return Step::failed;
    if (!in_body_) return Step::need_more;
  }
  const std::size_t taken = std::min(body_left_, input.size());
  body_start_.append(input.substr(0, std::min(taken, kBodyStartBytes - body_start_.size())));
  input.remove_prefix(taken);
  body_left_ -= taken;
  return body_left_ == 0 ? Step::complete : Step::need_more;
}

void ResponseReader::next() {
  body_start_.clear();
  in_body_ = false;
  has_length_ = false;
  keeps_connection_ = true;
}

// False when it can't be an answer of ours to read; in_body_ once the head is whole.
bool ResponseReader::take_head(std::string_view& input) {
  if (head_.empty()) {  // as good as always it is whole
    const std::size_t end = input.find(kHeadEnd);
    if (end != std::string_view::npos) {
      const std::string_view head = input.substr(0, end);
      input.remove_prefix(end + kHeadEnd.size());
      return read_head(head);
    }
  }
  const std::size_t had = head_.size();
  head_.append(input);
  const std::size_t end = head_.find(kHeadEnd, had - std::min(had, kHeadEnd.size() - 1));
  if (end == std::string::npos) {
    input = {};
    return head_.size() <= kHeadBytesMax;
  }
  input.remove_prefix(end + kHeadEnd.size() - had);
  const bool good = read_head(std::string_view(head_).substr(0, end));
  head_.clear();
  return good;
}

bool ResponseReader::read_head(std::string_view head) {
  const std::string_view first = head.substr(0, head.find("\r\n"));
  if (!first.starts_with("HTTP/1.1 ") || first.size() < 12) return false;
  const auto status = parse_number<unsigned>(first.substr(9, 3));
  if (!status || *status < 200 || *status > 599) return false;
  status_ = static_cast<int>(*status);
  body_left_ = 0;
  for (head.remove_prefix(first.size()); !head.empty();) {
    head.remove_prefix(2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size());
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    if (!read_field(line.substr(0, colon), line.substr(colon + 1))) return false;
  }
  in_body_ = true;
  return has_length_ || status_ == 204 || status_ == 304;
}

bool ResponseReader::read_field(std::string_view name, std::string_view value) {
  if (same_word(name, "content-length")) {
    const auto length = parse_number<std::size_t>(trimmed(value));
    if (!length || has_length_) return false;
    body_left_ = *length;
    has_length_ = true;
  } else if (same_word(name, "connection")) {
    keeps_connection_ = !same_word(trimmed(value), "close");
  }
  return !same_word(name, "transfer-encoding");
}

}  // namespace millrace::load
