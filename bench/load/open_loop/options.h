// What open_loop is told on its command line.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/http_url.h"
#include "base/status.h"

namespace millrace::load {

struct Options {
  std::string url;  // as given
  HttpUrl server;
  std::string target;  // path of the requests
  double rate = 0;     // requests per second; 0: as fast as answers come
  std::size_t connections = 64;
  double seconds = 10;
  std::size_t payload_bytes = 64;  // of a message's data
  std::size_t batch = 0;           // messages in a request, as NDJSON; 0: one, as JSON
  std::string expected = "accepted";
  std::chrono::milliseconds timeout{5'000};
  bool keep_alive = true;
  bool json = false;
  bool help = false;

  [[nodiscard]] bool is_open_loop() const { return rate > 0; }
  [[nodiscard]] std::size_t messages_per_request() const { return batch == 0 ? 1 : batch; }
};

// Code::invalid with a sentence that says what to change.
Result<Options> parse_options(const std::vector<std::string_view>& arguments);

std::string_view help_text();

}  // namespace millrace::load
