// Bytes in, requests out: HTTP/1.1 framing (RFC 9112) with no socket in it, over Beast's parser and
// behind a guard of our own, because Beast lets through framings by which one request can be
// smuggled inside another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/types.h"

namespace millrace::http {

inline constexpr std::size_t kHeaderBytesMax = 16 * 1024;

// Why a request can't be read. After it the connection must be closed: where the next request would
// begin isn't known.
struct ReadError {
  unsigned status = 0;  // 400, 413, 417, 431 or 505
  std::string detail;
};

// One connection's requests, one after the other. Not thread-safe. Its buffers are kept between
// requests, so the steady state doesn't allocate.
class RequestReader {
 public:
  enum class Step : std::uint8_t {
    need_more,  // all input was taken
    header,     // request() is valid but for its body; set_body_limit(), then feed() on
    body,       // request().body is the next part of a body that is streamed, until feed()
    complete,   // request() is whole; take it, then next()
    failed,     // see error(); feed() no more
  };

  RequestReader();
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  // Takes bytes off the front of `input` up to the next step.
  Step feed(std::string_view& input);

  // Most bytes the current request's body may have. Announced or sent beyond it: 413.
  void set_body_limit(std::size_t bytes);

  // The current request's body isn't kept, but handed out in parts as it comes.
  void stream_body();

  // Whether the client waits for a 100 before it sends the body.
  [[nodiscard]] bool expects_continue() const;

  // Whether a request has begun and isn't complete.
  [[nodiscard]] bool in_request() const;

  [[nodiscard]] const Request& request() const;
  [[nodiscard]] const ReadError& error() const;

  // Ready for the next request; request() is gone.
  void next();

 private:
  class Parser;
  struct State;

  Step feed_header(std::string_view& input);
  Step parse_header();
  Step feed_body(std::string_view& input);
  Step parse_body(std::string_view& input);
  Step fail(unsigned status, std::string detail);
  Step fail_too_large();

  std::unique_ptr<State> state_;
};

}  // namespace millrace::http
