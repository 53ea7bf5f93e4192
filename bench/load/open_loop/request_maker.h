// Requests with messages of the ingest API, each message unlike any other at the cost of writing
// its number: all else is made once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace millrace::load {

class RequestMaker {
 public:
  // `run` sets this run's messages apart from those of others.
  RequestMaker(const Options& options, std::uint32_t run);

  // The bytes of the next request, valid until the next call.
  std::string_view next();

 private:
  void append_message(std::string& body, const Options& options, std::uint32_t run);

  std::string request_;
  std::vector<std::size_t> numbers_;  // where each message's number ends
  std::uint64_t made_ = 0;            // messages
};

}  // namespace millrace::load
