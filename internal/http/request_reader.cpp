#include "http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "http/request_guard.h"

namespace millrace::http {

namespace beast_http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastView = boost::beast::string_view;

namespace {

// A chunk's header, or the last one's with the trailers.
constexpr std::size_t kChunkHeaderBytesMax = kHeaderBytesMax;
// One text for both faults: which of them is met first depends on how the bytes came.
constexpr const char* kBadChunk =
    "malformed body framing: a chunk's header or the trailers are malformed, or larger than 16384 "
    "bytes";
// Buffers that grew beyond this are given back after the request.
constexpr std::size_t kKeptBytesMax = 64 * 1024;

Method to_method(beast_http::verb verb) {
  switch (verb) {
    case beast_http::verb::get:
      return Method::get;
    case beast_http::verb::head:
      return Method::head;
    case beast_http::verb::post:
      return Method::post;
    case beast_http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

void release_if_large(std::string& buffer) {
  if (buffer.capacity() > kKeptBytesMax) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

std::string_view view(BeastView text) { return {text.data(), text.size()}; }

// "http://host/path" names the same as "/path" (RFC 9112, 3.2.2).
void split_target(std::string_view target, Request& request) {
  constexpr std::string_view scheme = "http://";
  const bool absolute = target.starts_with(scheme);
  if (absolute) {
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
  }
  const auto mark = std::min(target.find('?'), target.size());
  request.path = absolute && mark == 0 ? "/" : target.substr(0, mark);
  request.query = target.substr(std::min(mark + 1, target.size()));
}

bool is_control(char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }

constexpr std::size_t kCrLf = 2;
// The beginning of a body that ends where it begins; Beast asserts that two more bytes follow it.
constexpr std::string_view kLastChunk = "0\r\n";

}  // namespace

// Beast's grammar, our storage: fields are views into the header block, which is kept whole.
class RequestReader::Parser final : public beast_http::basic_parser<true> {
 public:
  Parser(Request& request, std::vector<Header>& headers, std::string& body)
      : request_(request), headers_(headers), body_(body) {
    header_limit(2 * kHeaderBytesMax);  // ours is checked before the parser sees a byte
    body_limit(boost::none);            // so is the body's
  }

  std::size_t body_bytes_max = SIZE_MAX;
  std::size_t body_bytes = 0;  // so far
  bool body_too_large = false;
  // In the bytes put last: where the latest chunk header begins.
  const char* chunk_header = nullptr;

  // Measured in bytes received and not in bytes put, so that it doesn't depend on how they came.
  [[nodiscard]] bool is_too_long(const char* chunk_header_end) const {
    return chunk_header_end - chunk_header > static_cast<std::ptrdiff_t>(kChunkHeaderBytesMax);
  }

 private:
  void on_request_impl(beast_http::verb verb, BeastView, BeastView target, int version,
                       BeastError&) override {
    request_.method = to_method(verb);
    request_.version = static_cast<unsigned>(version);
    split_target(view(target), request_);
  }
  void on_response_impl(int, BeastView, int, BeastError&) override {}
  void on_field_impl(beast_http::field, BeastView name, BeastView value, BeastError&) override {
    if (!header_done_) headers_.push_back({view(name), view(value)});  // trailers are dropped
  }
  void on_header_impl(BeastError&) override { header_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastView bytes, BeastError& error) override {
    if (!check_room(bytes.size(), error)) return 0;
    body_.append(bytes.data(), bytes.size());
    body_bytes += bytes.size();
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, BeastView extension, BeastError& error) override {
    // Beast lets a quoted value hold anything, a line feed too, which others take for the end.
    if (std::any_of(extension.begin(), extension.end(), is_control) ||
        is_too_long(extension.data() + extension.size() + kCrLf)) {
      error = beast_http::error::bad_chunk_extension;
      return;
    }
    check_room(size, error);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView bytes, BeastError& error) override {
    chunk_header = bytes.data() + bytes.size();
    return on_body_impl(bytes, error);
  }
  void on_finish_impl(BeastError&) override {}

  bool check_room(std::uint64_t bytes, BeastError& error) {
    if (bytes <= body_bytes_max - body_bytes) return true;
    body_too_large = true;
    error = beast_http::error::body_limit;
    return false;
  }

  Request& request_;
  std::vector<Header>& headers_;
  std::string& body_;
  bool header_done_ = false;
};

struct RequestReader::State {
  enum class Phase : std::uint8_t { header, body, complete, failed };

  Phase phase = Phase::header;
  std::string head;       // the header block, from the request line to the empty line
  HeaderScanner scanner;  // how far `head` was looked at
  std::optional<Parser> parser;
  std::vector<Header> headers;
  bool streams_body = false;
  std::string body;   // of a streamed one the part that came last
  std::string carry;  // of a chunk's header or trailer, until it is whole
  Request request;
  ReadError error;
};

RequestReader::RequestReader() : state_(std::make_unique<State>()) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

const Request& RequestReader::request() const { return state_->request; }
const ReadError& RequestReader::error() const { return state_->error; }

bool RequestReader::in_request() const {
  return !state_->head.empty() && state_->phase != State::Phase::complete;
}

void RequestReader::set_body_limit(std::size_t bytes) { state_->parser->body_bytes_max = bytes; }

void RequestReader::stream_body() { state_->streams_body = true; }

bool RequestReader::expects_continue() const {
  return state_->request.version == 11 && iequals(state_->request.header("Expect"), "100-continue");
}

void RequestReader::next() {
  State& s = *state_;
  s.phase = State::Phase::header;
  s.scanner = {};
  s.parser.reset();
  s.headers.clear();
  s.streams_body = false;
  s.request = {};
  release_if_large(s.head);
  release_if_large(s.body);
  release_if_large(s.carry);
}

RequestReader::Step RequestReader::fail(unsigned status, std::string detail) {
  state_->phase = State::Phase::failed;
  state_->error = {status, std::move(detail)};
  return Step::failed;
}

RequestReader::Step RequestReader::feed(std::string_view& input) {
  switch (state_->phase) {
    case State::Phase::header:
      return feed_header(input);
    case State::Phase::body:
      return feed_body(input);
    case State::Phase::complete:
      return Step::complete;
    case State::Phase::failed:
      break;
  }
  return Step::failed;
}

RequestReader::Step RequestReader::feed_header(std::string_view& input) {
  State& s = *state_;
  if (s.head.empty()) {
    // An empty line before the request line is forgiven (RFC 9112, 2.2).
    input.remove_prefix(std::min(input.find_first_not_of("\r\n"), input.size()));
  }
  const std::size_t before = s.head.size();
  s.head.append(input.substr(0, kHeaderBytesMax - before));
  const auto found = s.scanner.scan(s.head);
  if (found.problem != nullptr) return fail(400, found.problem);
  if (found.end == 0) {
    input.remove_prefix(s.head.size() - before);
    if (s.head.size() < kHeaderBytesMax) return Step::need_more;
    return fail(431, "the request's headers are larger than 16384 bytes");
  }
  input.remove_prefix(found.end - before);
  s.head.resize(found.end);
  return parse_header();
}

RequestReader::Step RequestReader::parse_header() {
  State& s = *state_;
  s.parser.emplace(s.request, s.headers, s.body);
  BeastError error;
  s.parser->put(boost::asio::buffer(s.head), error);
  s.request.headers = s.headers;
  if (error == beast_http::error::bad_version) {
    return fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (error) return fail(400, "malformed request: " + error.message());
  if (auto refused = check_framing(s.request)) {
    return fail(refused->status, std::move(refused->detail));
  }
  s.request.keep_alive = s.parser->keep_alive();
  s.phase = State::Phase::body;
  return Step::header;
}

RequestReader::Step RequestReader::feed_body(std::string_view& input) {
  State& s = *state_;
  const Parser& parser = *s.parser;
  if (const auto length = parser.content_length(); length && *length > parser.body_bytes_max) {
    return fail_too_large();
  }
  if (s.streams_body) s.body.clear();
  if (!parser.is_done() && !input.empty() && parse_body(input) == Step::failed) {
    return Step::failed;
  }
  if (!parser.is_done() && !s.streams_body) return Step::need_more;
  s.request.body = s.body;
  if (s.streams_body && !s.body.empty()) return Step::body;
  if (!parser.is_done()) return Step::need_more;
  s.phase = State::Phase::complete;
  return Step::complete;
}

RequestReader::Step RequestReader::parse_body(std::string_view& input) {
  State& s = *state_;
  Parser& parser = *s.parser;
  if (s.carry == kLastChunk && input.size() < kCrLf) {
    s.carry.append(std::exchange(input, {}));
    return Step::need_more;
  }
  // What an earlier call left over (part of a chunk's header) goes in front of the new bytes.
  std::string bytes_with_carry = std::exchange(s.carry, {});
  if (!bytes_with_carry.empty()) bytes_with_carry.append(input);
  const std::string_view bytes = bytes_with_carry.empty() ? input : bytes_with_carry;
  BeastError error;
  parser.eager(true);
  parser.chunk_header = bytes.data();
  const std::size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (parser.body_too_large) return fail_too_large();
  if (error && error != beast_http::error::need_more) return fail(400, kBadChunk);
  const std::string_view left = bytes.substr(used);
  const bool too_long = parser.is_done() ? parser.chunked() && parser.is_too_long(left.data())
                                         : left.size() >= kChunkHeaderBytesMax;
  if (too_long) return fail(400, kBadChunk);
  if (!parser.is_done()) s.carry = left;
  input.remove_prefix(parser.is_done() ? input.size() - left.size() : input.size());
  return Step::need_more;
}

RequestReader::Step RequestReader::fail_too_large() {
  return fail(413, "the request's body is larger than " +
                       std::to_string(state_->parser->body_bytes_max) + " bytes");
}

}  // namespace millrace::http
