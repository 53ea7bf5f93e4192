#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "diplom/v1/diplom.pb.h"
#include "message/json.h"
#include "message/test_support.h"

namespace millrace {
namespace {

TEST_CASE("an enqueue body becomes a message") {
  const auto message = parse_enqueue_json(
      R"({"id":"m-1","timestamp":1700000000,"source":"s","payload":"aGVsbG8=","metadata":{"k":"v"}})");
  REQUIRE(message.has_value());
  CHECK(message->id() == "m-1");
  CHECK(message->source() == "s");
  diplom::v1::DataMessage out;
  REQUIRE(message->parse_into(out));
  CHECK(out.timestamp() == 1'700'000'000);
  CHECK(out.payload() == "hello");
  CHECK(out.metadata().at("k") == "v");
}

std::string enqueue_body(const std::string& field, const std::string& value) {
  std::map<std::string, std::string> fields = {
      {"id", "\"m\""}, {"timestamp", "1"}, {"source", "\"s\""}, {"payload", "\"\""}};
  fields[field] = value;
  std::string body = "{\"unknown\":0";
  for (const auto& [name, text] : fields) {
    if (!text.empty()) body += ",\"" + name + "\":" + text;
  }
  return body + "}";
}

TEST_CASE("every field of an enqueue body is required and typed") {
  CHECK(enqueue_status(enqueue_body("id", "\"m\"")).ok());
  for (const std::string field : {"id", "timestamp", "source", "payload"}) {
    CHECK(enqueue_status(enqueue_body(field, "")) == rejected(field + ": is missing"));
  }
  for (const std::string field : {"id", "source", "payload"}) {
    for (const std::string wrong : {"null", "1", "[]", "{}", "false"}) {
      CHECK(enqueue_status(enqueue_body(field, wrong)) == rejected(field + ": must be a string"));
    }
  }
  CHECK(enqueue_status(enqueue_body("id", "\"\"")) == rejected("id: must not be empty"));
  CHECK(enqueue_status(enqueue_body("id", quoted(std::string(129, 'i')))) ==
        rejected("id: must be at most 128 bytes, has 129"));
  CHECK(enqueue_status(enqueue_body("source", "\"\"")) == rejected("source: must not be empty"));
  CHECK(enqueue_status(enqueue_body("metadata", "{\"k\":2}")) ==
        rejected("metadata.k: must be a string"));
}

TEST_CASE("a timestamp is an integer, or one in a string as protobuf writes it") {
  const auto timestamp = [](const std::string& value) {
    diplom::v1::DataMessage out;
    const auto message = parse_enqueue_json(enqueue_body("timestamp", value));
    REQUIRE(message.has_value());
    REQUIRE(message->parse_into(out));
    return out.timestamp();
  };
  CHECK(timestamp("0") == 0);
  CHECK(timestamp("-5") == -5);
  CHECK(timestamp("9223372036854775807") == INT64_MAX);
  CHECK(timestamp("\"1700000000\"") == 1'700'000'000);
  CHECK(timestamp("\"-9223372036854775808\"") == INT64_MIN);
  for (const std::string wrong : {"1.5", "1e3", "true", "null", "[]", "\"\"", "\"1x\"", "\" 1\"",
                                  "\"9223372036854775808\"", "9223372036854775808"}) {
    CHECK(enqueue_status(enqueue_body("timestamp", wrong)) ==
          rejected("timestamp: must be Unix seconds, an integer of at most 64 bits"));
  }
}

TEST_CASE("a payload is strict base64") {
  const auto payload = [](const std::string& base64) {
    diplom::v1::DataMessage out;
    const auto message = parse_enqueue_json(enqueue_body("payload", quoted(base64)));
    REQUIRE(message.has_value());
    REQUIRE(message->parse_into(out));
    return out.payload();
  };
  CHECK(payload("").empty());
  CHECK(payload("YQ==") == "a");
  CHECK(payload("YWI=") == "ab");
  CHECK(payload("YWJj") == "abc");
  CHECK(payload("AP/+") == std::string("\0\xff\xfe", 3));
  for (const std::string wrong :
       {"YQ", "YQ=", "YWI", "Y", "====", "=", "YQ==YQ==", "AP_-",
        "YW\nI=", " YQ==", "YQ== ", "Y Q=", "\xc3\xa9==", "A===", "YQ=a"}) {
    CAPTURE(wrong);
    CHECK(enqueue_status(enqueue_body("payload", quoted(wrong))) ==
          rejected("payload: must be base64: the standard alphabet, padded"));
  }
}

}  // namespace
}  // namespace millrace
