// What Beast's parser lets through and we don't, because two readers of the same bytes could
// disagree about where a request ends (request smuggling: RFC 9112, 11.2).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/types.h"

namespace millrace::http {

// Looks for the end of a header block that arrives in pieces, line by line, and refuses lines that
// aren't ended by CRLF, folded lines (RFC 9112, 5.2) and a first byte that can't begin a method.
class HeaderScanner {
 public:
  struct Found {
    std::size_t end = 0;            // just after the empty line; 0: not there yet
    const char* problem = nullptr;  // why the block can't be read
  };

  // `head` is all bytes of the block so far; what was looked at before is not looked at again.
  Found scan(std::string_view head);

 private:
  std::size_t line_ = 0;  // where the current line begins
  std::size_t seen_ = 0;
};

struct Refusal {
  unsigned status;
  std::string detail;
};

// Whether the headers leave no doubt about the request's host and the end of its body.
std::optional<Refusal> check_framing(const Request& request);

}  // namespace millrace::http
