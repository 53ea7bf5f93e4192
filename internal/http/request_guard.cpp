#include "http/request_guard.h"

#include <algorithm>
#include <cstring>

namespace millrace::http {
namespace {

bool is_token_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

struct FramingHeaders {
  int hosts = 0;
  int lengths = 0;
  int codings = 0;
  std::string_view host, length, coding;
};

FramingHeaders count(const Request& request) {
  FramingHeaders found;
  for (const auto& [name, value] : request.headers) {
    if (iequals(name, "Host")) {
      ++found.hosts;
      found.host = value;
    } else if (iequals(name, "Content-Length")) {
      ++found.lengths;
      found.length = value;
    } else if (iequals(name, "Transfer-Encoding")) {
      ++found.codings;
      found.coding = value;
    }
  }
  return found;
}

}  // namespace

HeaderScanner::Found HeaderScanner::scan(std::string_view head) {
  if (seen_ == 0 && !head.empty() && !is_token_char(head[0])) {
    return {0, "the bytes received don't begin an HTTP request"};
  }
  for (auto lf = head.find('\n', seen_); lf != std::string_view::npos;
       lf = head.find('\n', seen_)) {
    if (lf == 0 || head[lf - 1] != '\r') return {0, "a header line must end in CR LF"};
    if (lf == line_ + 1 && line_ != 0) return {lf + 1, nullptr};
    if (line_ != 0 && (head[line_] == ' ' || head[line_] == '\t')) {
      return {0, "folded header lines are not allowed"};
    }
    line_ = seen_ = lf + 1;
  }
  seen_ = head.size();
  return {};
}

std::optional<Refusal> check_framing(const Request& request) {
  const FramingHeaders found = count(request);
  if (found.hosts > 1) return Refusal{400, "more than one Host header"};
  if (request.version == 11 && found.hosts == 0) return Refusal{400, "the Host header is missing"};
  if (found.lengths > 1) return Refusal{400, "more than one Content-Length header"};
  if (found.codings > 0) {
    if (found.lengths > 0) return Refusal{400, "Content-Length together with Transfer-Encoding"};
    if (request.version == 10) return Refusal{400, "Transfer-Encoding in an HTTP/1.0 request"};
    if (found.codings > 1 || !iequals(found.coding, "chunked")) {
      return Refusal{400, "Transfer-Encoding: only exactly 'chunked' is allowed"};
    }
  }
  if (found.lengths == 1 && !std::all_of(found.length.begin(), found.length.end(),
                                         [](char c) { return c >= '0' && c <= '9'; })) {
    return Refusal{400, "Content-Length must be a number"};
  }
  const std::string_view expect = request.header("Expect");
  if (!expect.empty() && !iequals(expect, "100-continue")) {
    return Refusal{417, "Expect: only 100-continue is known"};
  }
  return std::nullopt;
}

}  // namespace millrace::http
