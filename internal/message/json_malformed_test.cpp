#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "message/json.h"
#include "message/test_support.h"
#include "message/utf8.h"

namespace millrace {
namespace {

TEST_CASE("what isn't JSON is answered with the position") {
  const auto position = [](const std::string& body) {
    const Status status = ingest_status(body);
    CHECK(status.code() == Code::invalid);
    const std::string& text = status.text();
    return text.substr(0, text.find(": ", text.find("byte ")));
  };
  CHECK(position("hello") == "not JSON: line 1, column 1, byte 0");
  CHECK(position("{\"source\":\"s\",}") == "not JSON: line 1, column 15, byte 14");
  CHECK(position("{\n  \"source\": \"s\",\n  \"data\": nope\n}") ==
        "not JSON: line 3, column 12, byte 30");
  CHECK(position("{\"a\":1} x") == "not JSON: line 1, column 9, byte 8");
  CHECK(position("{\"a\":1") == "not JSON: line 1, column 7, byte 6");
  CHECK(position("{\"a\":\"\xff\"}") == "not JSON: line 1, column 7, byte 6");
  CHECK(position("{'a':1}") == "not JSON: line 1, column 2, byte 1");
  CHECK(position("{\"a\":\"x\ny\"}") == "not JSON: line 1, column 8, byte 7");
  CHECK(position(std::string("{}\0", 3)) == "not JSON: line 1, column 3, byte 2");
  CHECK(position(std::string("{\"a\":1}\n\0\0\0", 11)) == "not JSON: line 2, column 1, byte 8");
  CHECK(position("\xef\xbb\xbf{}") == "not JSON: line 1, column 1, byte 0");
}

TEST_CASE("the answer tells what is wrong in a line of its own words") {
  CHECK(ingest_status("{\"a\":tru}") ==
        invalid("not JSON: line 1, column 9, byte 8: syntax error while parsing value - invalid "
                "literal"));
  CHECK(ingest_status("{]") ==
        invalid("not JSON: line 1, column 2, byte 1: syntax error while parsing object key - "
                "unexpected ']'; expected string literal"));
  CHECK(ingest_status(std::string("{}\0", 3)) ==
        invalid("not JSON: line 1, column 3, byte 2: a NUL byte after the value"));
  CHECK(ingest_status("\xef\xbb\xbf{}") ==
        invalid("not JSON: line 1, column 1, byte 0: a byte order mark"));
  CHECK(ingest_status("{\"n\":1e999}").code() == Code::invalid);
  CHECK(ingest_status("{\"n\":123456789012345678901234567890}") ==
        invalid("not readable as JSON: Problem while parsing a number"));
}

// The traps of JSONTestSuite (n_*): none may pass.
TEST_CASE("nasty near-JSON is refused") {
  const std::vector<std::string> cases = {
      "{",
      "}",
      "[",
      "]",
      "{]",
      "[}",
      "{\"a\"}",
      "{\"a\":}",
      "{:1}",
      "{\"a\" 1}",
      "{\"a\",1}",
      "{\"a\":1,,\"b\":2}",
      "{,\"a\":1}",
      "{\"a\":1}}",
      "{}{}",
      "{}[]",
      "{} //c",
      "/**/{}",
      "{}#",
      "{a:1}",
      "{1:1}",
      "{null:1}",
      "{\"a\":NaN}",
      "{\"a\":Infinity}",
      "{\"a\":-}",
      "{\"a\":+1}",
      "{\"a\":01}",
      "{\"a\":-01}",
      "{\"a\":1.}",
      "{\"a\":.1}",
      "{\"a\":1e}",
      "{\"a\":1e+}",
      "{\"a\":0x1}",
      "{\"a\":1_0}",
      "{\"a\":True}",
      "{\"a\":nul}",
      "{\"a\":truee}",
      "{\"a\":\"}",
      "{\"a\":\"\\x\"}",
      "{\"a\":\"\\u12\"}",
      "{\"a\":\"\\u12G4\"}",
      "{\"a\":\"\\\"}",
      "{\"a\":\"\\ud800\"}",
      "{\"a\":\"\\udc00\"}",
      "{\"a\":\"\\ud800\\u0041\"}",
      "{\"a\":\"\\ud800\\ud800\"}",
      "{\"a\":\"\t\"}",
      "{\"a\":\"\x1f\"}",
      "{\"a\":\"\xc0\x80\"}",
      "{\"a\":\"\xed\xa0\x80\"}",
      "{\"a\":\"\xf4\x90\x80\x80\"}",
      "{\"a\":\"\xe2\x82\"}",
      "\xff{}",
      "{}\xff",
      "{\"\xff\":1}",
      "{\v\"a\":1}",
      "{\f}",
      "\xe2\x81\xa0{}",
      "{\"a\":1\xc2\xa0}",
      std::string("{\"a\":\"x\0y\"}", 11),
      std::string("\0{}", 3),
      std::string("{\0}", 3),
      std::string("{\"a\0\":1}", 9),
      "\xff\xfe{\0}\0",
      "{\"a\":[1,]}",
      "{\"a\":[,1]}",
      "{\"a\":[1 2]}",
  };
  for (const std::string& body : cases) {
    CAPTURE(body);
    for (const Status& status : {ingest_status(body), enqueue_status(body)}) {
      CHECK(status.code() == Code::invalid);
      CHECK_FALSE(status.text().empty());
      CHECK(status.text().find('\n') == std::string::npos);
      CHECK(is_utf8(status.text()));
    }
  }
}

TEST_CASE("nesting 100,000 deep is answered at once") {
  constexpr std::size_t kDepth = 100'000;
  const std::string open = repeated("[", kDepth);
  const std::string close = repeated("]", kDepth);
  const std::string objects = repeated("{\"a\":", kDepth);
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& body : {open + close, objects + "1" + repeated("}", kDepth),
                                  "{\"source\":\"s\",\"data\":\"d\",\"x\":" + open + close + "}"}) {
    CHECK(ingest_status(body) == invalid("nested too deep: at most 1024 levels"));
  }
  for (const std::string& body : {open, objects, open + "\xff", close, repeated("[", 1000) + "x"}) {
    CHECK(ingest_status(body).code() == Code::invalid);
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  CHECK(ingest_status("{\"source\":\"s\",\"data\":\"d\",\"x\":" + repeated("[", 1000) +
                      repeated("]", 1000) + "}")
            .ok());
}

TEST_CASE("a large body leaves the parser as it was for the next") {
  const std::string large = std::string(1024 * 1024, 'x');
  for (int i = 0; i < 3; ++i) {
    const auto fields = parse_ingest_json(R"({"source":"s","data":")" + large + "\"}");
    REQUIRE(fields.has_value());
    CHECK(fields->data == large);
    CHECK(ingest_status(large).code() == Code::invalid);
    CHECK(parse_ingest_json(R"({"source":"s","data":"small"})")->data == "small");
  }
}

TEST_CASE("a changed body is refused or read, never worse") {
  std::mt19937 random(20261120);
  const std::string good = R"({"source":"s\u00e9","data":"d\n","metadata":{"k":"v"},"n":[1.5e3]})";
  for (int round = 0; round < 20'000; ++round) {
    std::string body = good;
    for (std::size_t i = 0; i <= random() % 3; ++i) body[random() % body.size()] = char(random());
    if (const auto fields = parse_ingest_json(body)) {
      REQUIRE(is_utf8(fields->source));
      REQUIRE(is_utf8(fields->data));
    } else {
      REQUIRE(is_utf8(fields.error().text()));
    }
  }
}

}  // namespace
}  // namespace millrace
