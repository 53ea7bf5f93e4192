// For tests: what a RequestReader makes of bytes, however they are cut.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/request_reader.h"
#include "http/router.h"

namespace millrace::http::testing {

inline const std::string kChunkedHead =
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

// A Request with storage of its own.
struct ReadRequest {
  Method method = Method::other;
  std::string path;
  std::string query = {};
  unsigned version = 11;
  bool keep_alive = true;
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};

  bool operator==(const ReadRequest&) const = default;
};

struct ReadOutcome {
  std::vector<ReadRequest> requests;
  ReadError error;  // status 0: none
};

inline ReadRequest keep(const Request& request) {
  ReadRequest kept{request.method,
                   std::string(request.path),
                   std::string(request.query),
                   request.version,
                   request.keep_alive,
                   std::string(request.body),
                   {}};
  for (const auto& [name, value] : request.headers) kept.headers.emplace_back(name, value);
  return kept;
}

// Each piece is gone when the next one comes.
inline ReadOutcome read_requests(const std::vector<std::string>& pieces,
                                 std::size_t body_bytes_max = kBodyBytesMax) {
  using Step = RequestReader::Step;
  RequestReader reader;
  ReadOutcome outcome;
  for (std::string piece : pieces) {
    std::string_view input = piece;
    Step step = Step::complete;
    while (step != Step::need_more && step != Step::failed) {
      step = reader.feed(input);
      if (step == Step::header) reader.set_body_limit(body_bytes_max);
      if (step == Step::complete) {
        outcome.requests.push_back(keep(reader.request()));
        reader.next();
      }
    }
    piece.assign(piece.size(), '?');
    outcome.error = reader.error();
    if (step == Step::failed) break;
  }
  return outcome;
}

// Whole, byte by byte, and in two pieces, cut at every place (of long ones: at some).
inline void for_each_cut(const std::string& bytes,
                         const std::function<void(const ReadOutcome&)>& check,
                         std::size_t body_bytes_max = kBodyBytesMax) {
  check(read_requests({bytes}, body_bytes_max));
  std::vector<std::string> single;
  for (const char c : bytes) single.emplace_back(1, c);
  check(read_requests(single, body_bytes_max));
  const std::size_t stride = 1 + bytes.size() / 300;
  for (std::size_t at = 1; at < bytes.size(); at += stride) {
    check(read_requests({bytes.substr(0, at), bytes.substr(at)}, body_bytes_max));
  }
}

}  // namespace millrace::http::testing
