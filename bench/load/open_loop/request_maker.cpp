#include "request_maker.h"

#include <array>
#include <cstdio>

namespace millrace::load {
namespace {

constexpr std::size_t kNumberDigits = 12;

// Text that is JSON as it is.
std::string payload_of(std::size_t bytes) {
  constexpr std::string_view kText = "the quick brown fox jumps over the lazy dog 0123456789 ";
  std::string payload;
  while (payload.size() < bytes) payload.append(kText.substr(0, bytes - payload.size()));
  return payload;
}

std::string head_of(const Options& options, std::size_t body_bytes) {
  std::string head = "POST " + options.target + " HTTP/1.1\r\nHost: " + options.server.authority;
  head.append("\r\nContent-Type: ");
  head.append(options.batch == 0 ? "application/json" : "application/x-ndjson");
  if (!options.keep_alive) head.append("\r\nConnection: close");
  return head + "\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

}  // namespace

RequestMaker::RequestMaker(const Options& options, std::uint32_t run) {
  std::string body;
  for (std::size_t i = 0; i < options.messages_per_request(); ++i) {
    append_message(body, options, run);
    if (options.batch != 0) body.push_back('\n');
  }
  request_ = head_of(options, body.size());
  for (std::size_t& end : numbers_) end += request_.size();
  request_.append(body);
}

void RequestMaker::append_message(std::string& body, const Options& options, std::uint32_t run) {
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "%08x-", run);
  body.append(R"({"source":"open-loop","data":")").append(payload_of(options.payload_bytes));
  body.append(R"(","metadata":{"n":")").append(name.data()).append(kNumberDigits, '0');
  numbers_.push_back(body.size());
  body.append("\"}}");
}

std::string_view RequestMaker::next() {
  for (const std::size_t end : numbers_) {
    std::size_t at = end;
    for (std::uint64_t number = ++made_; number != 0; number /= 10) {
      request_[--at] = static_cast<char>('0' + number % 10);
    }
  }
  return request_;
}

}  // namespace millrace::load
