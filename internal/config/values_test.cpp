#include "config/values.h"

#include <catch2/catch.hpp>

namespace millrace::config {
namespace {

using namespace std::chrono_literals;
using Urls = std::vector<std::string>;

TEST_CASE("a number is digits to the end") {
  CHECK(parse_number("0") == 0U);
  CHECK(parse_number("007") == 7U);
  CHECK(parse_number("18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", " ", " 1", "1 ", "+1", "-1", "1x", "0x10", "1e3", "1.0", "1,000",
                           "18446744073709551616", "\xd9\xa1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text));
  }
  CHECK_FALSE(parse_number(std::string_view("1\0", 2)));
}

TEST_CASE("a duration has a unit or is in seconds") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("24h") == 24h);
  CHECK(parse_duration("7") == 7s);
  CHECK(parse_duration("0") == 0s);
  for (const char* text : {"", "s", "ms", "m", "1 s", " 1s", "1s ", "-1s", "+1s", "1.5s", "1d",
                           "1S", "1ss", "1mss", "1sm", "1us"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("a duration doesn't overflow") {
  CHECK(parse_duration("9223372036854775807ms") == 9223372036854775807ms);
  CHECK_FALSE(parse_duration("9223372036854775808ms"));
  CHECK(parse_duration("9223372036854775s") == 9223372036854775s);
  CHECK_FALSE(parse_duration("9223372036854776s"));
  CHECK_FALSE(parse_duration("18446744073709552"));
  CHECK_FALSE(parse_duration("307445734561826m"));
}

TEST_CASE("a duration's text reads back") {
  for (const auto duration : {1ms, 999ms, 1000ms, 1500ms, 60'000ms, 90'000ms, 3'600'000ms}) {
    CHECK(parse_duration(duration_text(duration)) == duration);
  }
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(120s) == "2m");
  CHECK(duration_text(1500ms) == "1500ms");
}

TEST_CASE("URLs are http with a host and maybe a port") {
  CHECK(parse_urls("http://localhost:8081") == Urls{"http://localhost:8081"});
  CHECK(parse_urls("http://1.2.3.4.5:80") == Urls{"http://1.2.3.4.5:80"});  // a name
  CHECK(parse_urls("http://a.b-c_d/") == Urls{"http://a.b-c_d"});
  CHECK(parse_urls("http://[::1]:80,http://10.0.0.1:65535,http://[fe80::1]") ==
        Urls{"http://[::1]:80", "http://10.0.0.1:65535", "http://[fe80::1]"});
  for (const char* text : {"",
                           ",",
                           "localhost:8081",
                           "http://",
                           "http:///",
                           "https://a",
                           "HTTP://a",
                           "http://a:",
                           "http://a:0",
                           "http://a:65536",
                           "http://a:8x",
                           "http://a:1:2",
                           "http://a/b",
                           "http://a//",
                           "http://a?b",
                           "http://u:p@a",
                           "http://a b",
                           " http://a",
                           "http://a ",
                           "http://a,",
                           ",http://a",
                           "http://a,,http://b",
                           "http://a, http://b",
                           "http://[::1",
                           "http://::1",
                           "http://[::1]x:1",
                           "http://[a]",
                           "http://[]",
                           "http://\xc3\xa4",
                           "http://a\r\nX: y"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_urls(text));
  }
  CHECK(parse_urls("http://" + std::string(253, 'a')));
  CHECK_FALSE(parse_urls("http://" + std::string(254, 'a')));
  CHECK_FALSE(parse_urls(std::string_view("http://[::1\0]", 13)));
}

TEST_CASE("a list of URLs is bounded") {
  std::string list = "http://a";
  for (int i = 1; i < 64; ++i) list += ",http://a";
  CHECK(parse_urls(list)->size() == 64);
  CHECK_FALSE(parse_urls(list + ",http://a"));
}

TEST_CASE("an address is IPv4 or IPv6") {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1", "::ffff:1.2.3.4"}) {
    CAPTURE(text);
    CHECK(is_ip_address(text));
  }
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "[::1]",
                           "1.2.3.4 ", "::1%lo", "0.0.0.0:80", ":::"}) {
    CAPTURE(text);
    CHECK_FALSE(is_ip_address(text));
  }
  CHECK_FALSE(is_ip_address(std::string_view("::1\0x", 5)));
}

TEST_CASE("a path is bounded and has no control characters") {
  CHECK(is_path("a"));
  CHECK(is_path("/var/lib/ä b.ndjson"));
  CHECK(is_path(std::string(4095, 'a')));
  CHECK_FALSE(is_path(std::string(4096, 'a')));
  CHECK_FALSE(is_path(""));
  CHECK_FALSE(is_path("a\nb"));
  CHECK_FALSE(is_path(std::string_view("a\0b", 3)));
}

TEST_CASE("what is printed stays on its line and tells no password") {
  CHECK(printable("plain ä") == "plain ä");
  CHECK(printable("a\nb\x1b[0m\x7f") == R"(a\x0ab\x1b[0m\x7f)");
  CHECK(printable(std::string_view("\0", 1)) == R"(\x00)");
  CHECK(printable("http://user:p@s,s@host:1,http://b") == "http://***@host:1,http://b");
  CHECK(printable("http://u:p@a,nats://t@b") == "http://***@b");
  CHECK(printable("mail@host http://a") == "mail@host http://a");
  CHECK(printable("http://@") == "http://***@");
}

}  // namespace
}  // namespace millrace::config
