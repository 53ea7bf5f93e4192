#include "config/env_file.h"

#include <catch2/catch.hpp>

namespace millrace::config {
namespace {

using Values = std::map<std::string, std::string>;

Values parsed(std::string_view text) { return parse_env_file(text, ".env").value(); }

std::string error_of(std::string_view text) {
  const auto result = parse_env_file(text, "dir/.env");
  if (result) return "accepted";
  CHECK(result.error().code() == Code::invalid);
  return result.error().text();
}

TEST_CASE("names and values are read, blank lines and comments aren't") {
  CHECK(parsed("").empty());
  CHECK(parsed("\n\n  \n\t\n# A=1\n  # B=2\n").empty());
  CHECK(parsed("A=1\nB_2=two words\n_c=x") ==
        Values{{"A", "1"}, {"B_2", "two words"}, {"_c", "x"}});
  CHECK(parsed("A=\n") == Values{{"A", ""}});
  CHECK(parsed("A=1\nA=2\n") == Values{{"A", "2"}});
  CHECK(parsed("A=b=c\n") == Values{{"A", "b=c"}});
}

TEST_CASE("blanks around the parts and line ends of either kind don't count") {
  CHECK(parsed("  A =\t1  \r\nB= 2\r\n") == Values{{"A", "1"}, {"B", "2"}});
}

TEST_CASE("export is taken off, unless it is the name") {
  CHECK(parsed("export A=1\nexport\tB=2") == Values{{"A", "1"}, {"B", "2"}});
  CHECK(parsed("export=1\nexportA=2") == Values{{"export", "1"}, {"exportA", "2"}});
}

TEST_CASE("one pair of matching quotes is taken off and keeps what is inside") {
  CHECK(parsed(R"(A=" a # b ")") == Values{{"A", " a # b "}});
  CHECK(parsed("A='\"'") == Values{{"A", "\""}});
  CHECK(parsed(R"(A="")") == Values{{"A", ""}});
  CHECK(parsed(R"(A="x" # why)") == Values{{"A", "x"}});
  CHECK(parsed(R"(A=it's)") == Values{{"A", "it's"}});
  CHECK(parsed(R"(A="$HOME\n")") == Values{{"A", R"($HOME\n)"}});
}

TEST_CASE("a comment behind a value needs a blank before it") {
  CHECK(parsed("A=1 # one\nB=#\nC=a#b\nD=a\t#b") ==
        Values{{"A", "1"}, {"B", ""}, {"C", "a#b"}, {"D", "a"}});
}

TEST_CASE("an error names file and line, and keeps the line's text to itself") {
  CHECK(error_of("A=1\n\nPASSWORD hunter2\n") == "dir/.env:3: not NAME=value: there is no =");
  CHECK(error_of("=1") == "dir/.env:1: not NAME=value: a name is letters, digits and _");
  for (const char* line : {"1A=1", "A-B=1", "A B=1", "export =1 ", "\xc3\xa4=1"}) {
    CAPTURE(line);
    CHECK((error_of(line).starts_with("dir/.env:1: not NAME=value")));
  }
  for (const char* line : {"A=\"x", "A='x\"", "A='", "A=\"x\"y", "A='a'b'"}) {
    CAPTURE(line);
    CHECK(error_of(line) == "dir/.env:1: quotes must be closed and end the value");
  }
}

TEST_CASE("control characters are refused") {
  for (const char c : {'\0', '\x01', '\t', '\r', '\x1b', '\x7f'}) {
    CHECK(error_of(std::string("A=a") + c + "b\n") ==
          "dir/.env:1: control characters aren't allowed in a value");
  }
  CHECK(error_of(std::string_view("A\0=1", 4)) ==
        "dir/.env:1: not NAME=value: a name is letters, digits and _");
  CHECK(parsed("A=\xc3\xa4\xff") == Values{{"A", "\xc3\xa4\xff"}});
}

}  // namespace
}  // namespace millrace::config
