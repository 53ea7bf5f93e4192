// Bytes in, answers out: as much of HTTP/1.1 as answers to a load generator need. It has none of
// the cost of a general parser, because what is measured shares the machine's cores with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::load {

// The answers on one connection, one after the other. Knows Content-Length only: an answer of
// another framing (chunked, or until the end of the connection) is failed. Not thread-safe.
class ResponseReader {
 public:
  enum class Step : std::uint8_t { need_more, complete, failed };

  // Takes bytes off the front of `input`, up to the end of the answer. After failed: feed() no
  // more.
  Step feed(std::string_view& input);

  // Of the answer that is complete, until next().
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool keeps_connection() const { return keeps_connection_; }
  // The body's beginning: enough to see a verdict, whatever comes after it.
  [[nodiscard]] std::string_view body_start() const { return body_start_; }

  // Whether bytes of an answer have come that isn't complete.
  [[nodiscard]] bool in_answer() const { return !head_.empty() || in_body_; }

  void next();

 private:
  bool take_head(std::string_view& input);
  bool read_head(std::string_view head);
  bool read_field(std::string_view name, std::string_view value);

  std::string head_;  // of a head that came in parts
  std::string body_start_;
  std::size_t body_left_ = 0;
  int status_ = 0;
  bool in_body_ = false;
  bool has_length_ = false;
  bool keeps_connection_ = true;
};

}  // namespace millrace::load
