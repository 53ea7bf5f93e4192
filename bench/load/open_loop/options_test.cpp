#include "options.h"

#include <catch2/catch.hpp>

namespace millrace::load {
namespace {

Options good(std::vector<std::string_view> arguments) { return parse_options(arguments).value(); }

std::string refused(std::vector<std::string_view> arguments) {
  const auto options = parse_options(arguments);
  REQUIRE(options.has_error());
  CHECK(options.error().code() == Code::invalid);
  return options.error().text();
}

TEST_CASE("a URL and a rate are enough") {
  const Options options = good({"--url", "http://localhost:81", "--rate", "2.5e3"});
  CHECK(options.server.authority == "localhost:81");
  CHECK(options.target == "/api/v1/ingest");
  CHECK(options.rate == 2500);
  CHECK(options.is_open_loop());
  CHECK(options.messages_per_request() == 1);
  CHECK(options.keep_alive);
}

TEST_CASE("a path that is given is kept, and a batch has a path of its own") {
  CHECK(good({"--url", "http://a/x/y?z", "--rate", "max"}).target == "/x/y?z");
  CHECK(good({"--url", "http://a/", "--rate", "max"}).target == "/");
  const Options batch = good({"--rate", "max", "--url", "http://[::1]:5", "--batch", "10"});
  CHECK(batch.target == "/api/v1/ingest/batch");
  CHECK(batch.server.host == "::1");
  CHECK_FALSE(batch.is_open_loop());
  CHECK(batch.messages_per_request() == 10);
}

TEST_CASE("every other option is read") {
  const Options options = good({"--url", "http://a", "--rate", "1", "--seconds", "0.5",
                                "--connections", "7", "--payload-bytes", "9", "--expect", "",
                                "--timeout", "1.5", "--no-keep-alive", "--json"});
  CHECK(options.seconds == 0.5);
  CHECK(options.connections == 7);
  CHECK(options.payload_bytes == 9);
  CHECK(options.expected.empty());
  CHECK(options.timeout == std::chrono::milliseconds(1500));
  CHECK_FALSE(options.keep_alive);
  CHECK(options.json);
}

TEST_CASE("help needs nothing else") {
  CHECK(good({"--help"}).help);
  CHECK(help_text().find("--connections") != std::string_view::npos);
}

TEST_CASE("a bad option is named, with what it must be") {
  CHECK(refused({}).find("--url is missing") == 0);
  CHECK(refused({"--url", "http://a"}).find("--rate is missing") == 0);
  CHECK(refused({"--url"}).find("--url needs a value") == 0);
  CHECK(refused({"--speed", "9"}).find("no option --speed") == 0);
  for (const std::string_view url :
       {"localhost", "https://a", "http://", "http://a:0", "http://a/\"", "http://a b", "h"}) {
    INFO(url);
    CHECK(refused({"--url", url}).find("must be http://host[:port][/path]") != std::string::npos);
  }
  for (const std::string_view rate : {"0", "-1", "nan", "inf", "fast", "1e9", "5x"}) {
    INFO(rate);
    CHECK(refused({"--rate", rate}).find("or max") != std::string::npos);
  }
  CHECK(refused({"--batch", "10001"}).find("1 to 10000") != std::string::npos);
  CHECK(refused({"--connections", "0"}).find("1 to 20000") != std::string::npos);
  CHECK(refused({"--seconds", "nan"}).find("0.1 to 86400") != std::string::npos);
  CHECK(refused({"--timeout", "0"}).find("0.1 to 60") != std::string::npos);
  CHECK(refused({"--payload-bytes", "-3"}).find("1 to 1048576") != std::string::npos);
}

}  // namespace
}  // namespace millrace::load
