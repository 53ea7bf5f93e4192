#include "message/json.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "message/test_support.h"

namespace millrace {
namespace {

TEST_CASE("an ingest body is read") {
  const auto fields = parse_ingest_json(
      R"({"source":"sensor","data":"hello","metadata":{"unit":"C","room":"12"}})");
  REQUIRE(fields.has_value());
  CHECK(fields->source == "sensor");
  CHECK(fields->data == "hello");
  CHECK(fields->metadata == std::map<std::string, std::string>{{"unit", "C"}, {"room", "12"}});
}

TEST_CASE("metadata may be absent, data empty, and unknown fields are ignored") {
  const auto fields = parse_ingest_json(
      " \t\r\n{\"x\":[1,{\"source\":2}],\"data\":\"\",\"y\":null,\"source\":\"s\"} \n");
  REQUIRE(fields.has_value());
  CHECK(fields->source == "s");
  CHECK(fields->data.empty());
  CHECK(fields->metadata.empty());
}

TEST_CASE("escapes become the bytes they stand for") {
  const auto fields = parse_ingest_json(
      R"({"so\u0075rce":"\u00e9\ud83d\ude00","data":"a\u0000b\"\\\/\b\f\n\r\t","metadata":{"\n":"\u0000"}})");
  REQUIRE(fields.has_value());
  CHECK(fields->source == "\xc3\xa9\xf0\x9f\x98\x80");
  CHECK(fields->data == std::string("a\0b\"\\/\b\f\n\r\t", 11));
  CHECK(fields->metadata.at("\n") == std::string(1, '\0'));
}

TEST_CASE("of a repeated key the last one counts, whatever the first was") {
  const auto fields =
      parse_ingest_json(R"({"source":1,"data":"a","metadata":null,"source":"s","data":"b",)"
                        R"("metadata":{"k":1,"j":"x","k":"v","j":"y"}})");
  REQUIRE(fields.has_value());
  CHECK(fields->source == "s");
  CHECK(fields->data == "b");
  CHECK(fields->metadata == std::map<std::string, std::string>{{"k", "v"}, {"j", "y"}});
  CHECK(ingest_status(R"({"source":"s","data":"b","source":1})") ==
        rejected("source: must be a string"));
  CHECK(ingest_status(R"({"source":"s","data":"b","metadata":{"k":"v","k":1}})") ==
        rejected("metadata.k: must be a string"));
}

TEST_CASE("JSON of the wrong shape is rejected naming the field") {
  for (const char* body : {"[]", "null", "1", "\"text\"", "true", "[{}]"}) {
    CHECK(ingest_status(body) == rejected("body: must be a JSON object"));
    CHECK(enqueue_status(body) == rejected("body: must be a JSON object"));
  }
  CHECK(ingest_status("{}") == rejected("source: is missing"));
  CHECK(ingest_status(R"({"Source":"s","data":"d"})") == rejected("source: is missing"));
  CHECK(ingest_status(R"({"source":"s"})") == rejected("data: is missing"));
  CHECK(ingest_status(R"({"source":"","data":"d"})") == rejected("source: must not be empty"));
  CHECK(ingest_status(R"({"source":")" + std::string(257, 's') + R"(","data":"d"})") ==
        rejected("source: must be at most 256 bytes, has 257"));
  CHECK(ingest_status(R"({"source":")" + std::string(256, 's') + R"(","data":"d"})").ok());
  for (const std::string wrong : {"null", "1", "-1.5", "true", "[]", "{}", "[\"s\"]"}) {
    CHECK(ingest_status(R"({"data":"d","source":)" + wrong + "}") ==
          rejected("source: must be a string"));
    CHECK(ingest_status(R"({"source":"s","data":)" + wrong + "}") ==
          rejected("data: must be a string"));
    CHECK(ingest_status(R"({"source":"s","data":"d","metadata":{"k":)" + wrong + "}}") ==
          rejected("metadata.k: must be a string"));
  }
  for (const std::string wrong : {"null", "1", "\"m\"", "[]", "true"}) {
    CHECK(ingest_status(R"({"source":"s","data":"d","metadata":)" + wrong + "}") ==
          rejected("metadata: must be an object of strings"));
  }
}

TEST_CASE("a metadata key is shown on one line, cut, never in half a character") {
  const auto text = [](const std::string& key) {
    return ingest_status(R"({"source":"s","data":"d","metadata":{)" + quoted(key) + ":1}}").text();
  };
  CHECK(text("a\nb\"") == R"(metadata.a\nb\": must be a string)");
  CHECK(text("") == "metadata.: must be a string");
  CHECK(text(std::string(100, 'k')) == "metadata." + std::string(64, 'k') + ": must be a string");
  CHECK(text(std::string(63, 'k') + "\xe2\x82\xac") ==
        "metadata." + std::string(63, 'k') + ": must be a string");
}

TEST_CASE("an empty body says so") {
  for (const char* body : {"", " ", "\n\t\r "}) {
    CHECK(ingest_status(body) == invalid("empty body: expected a JSON object"));
    CHECK(enqueue_status(body) == invalid("empty body: expected a JSON object"));
  }
}

TEST_CASE("text is written as a JSON string") {
  CHECK(quoted("") == R"("")");
  CHECK(quoted("plain text / é") == "\"plain text / é\"");
  CHECK(quoted("a\"b\\c\n\t\x01") == R"("a\"b\\c\n\t\u0001")");
  CHECK(quoted(std::string("\0", 1)) == R"("\u0000")");
  CHECK(quoted("a\xff z") == "\"a\xef\xbf\xbd z\"");
  CHECK(quoted("\xc3") == "\"\xef\xbf\xbd\"");
  std::string out = "[";
  append_json_string(out, "x");
  append_json_string(out, "\n");
  CHECK(out == R"(["x""\n")");
}

TEST_CASE("every byte comes back from a JSON string") {
  for (int c = 0; c < 128; ++c) {
    const std::string text(3, static_cast<char>(c));
    const auto fields = parse_ingest_json("{\"source\":\"s\",\"data\":" + quoted(text) + "}");
    REQUIRE(fields.has_value());
    CHECK(fields->data == text);
  }
}

}  // namespace
}  // namespace millrace
