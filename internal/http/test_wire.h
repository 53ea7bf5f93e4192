// For tests: responses as a strict client reads them, and metrics as a scrape shows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/metrics.h"

namespace millrace::http::testing {

struct WireResponse {
  unsigned version = 0;  // 10 or 11
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The value of the one header of that name; empty when there is none. Throws when there are two.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] bool closes() const { return header("Connection") == "close"; }
};

// Takes one response off the front of `bytes`; none when it isn't whole yet. `head`: it answers a
// HEAD request. Throws std::runtime_error when it isn't well-formed: a bare CR or LF, a control
// character, a header without a name, a final answer without a length.
std::optional<WireResponse> take_response(std::string_view& bytes, bool head = false);

// All of them; throws when bytes are left.
std::vector<WireResponse> take_responses(std::string_view bytes);

// The sum of all samples of that name that have each of `labels` (`status="200"`).
double metric(const observe::Registry& registry, std::string_view name,
              const std::vector<std::string>& labels = {});

}  // namespace millrace::http::testing
