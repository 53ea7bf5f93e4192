#include "message/message.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "diplom/v1/diplom.pb.h"
#include "message/test_support.h"
#include "message/utf8.h"

namespace millrace {
namespace {

using diplom::v1::DataMessage;

MessageFields some_fields() {
  MessageFields fields;
  fields.id = "0190163d-8694-739b-aea5-966c26f8ad90";
  fields.timestamp = 1'700'000'000;
  fields.source = "sensor-7";
  fields.payload = std::string("any\0bytes\xff", 10);
  fields.metadata = {{"b", "2"}, {"a", "1"}, {"", "empty key"}, {"empty value", ""}};
  return fields;
}

DataMessage parsed(const Message& message) {
  DataMessage out;
  REQUIRE(message.parse_into(out));
  return out;
}

// A length-delimited field, as a foreign encoder may place it.
std::string field(int number, const std::string& value) {
  REQUIRE(value.size() < 128);
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(value.size())} + value;
}

Status decode_error(std::string wire) {
  auto result = Message::decode(std::move(wire));
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

TEST_CASE("what is encoded is what protobuf reads") {
  const MessageFields fields = some_fields();
  const Message message = Message::encode(fields);
  CHECK(message.id() == fields.id);
  CHECK(message.source() == fields.source);
  CHECK(message.size() == message.wire().size());

  const DataMessage out = parsed(message);
  CHECK(out.id() == fields.id);
  CHECK(out.timestamp() == fields.timestamp);
  CHECK(out.source() == fields.source);
  CHECK(out.payload() == fields.payload);
  CHECK(std::map<std::string, std::string>(out.metadata().begin(), out.metadata().end()) ==
        fields.metadata);
}

TEST_CASE("the encoding is protobuf's own, byte for byte") {
  for (const std::int64_t timestamp : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1},
                                       std::int64_t{1'700'000'000}, INT64_MIN, INT64_MAX}) {
    for (const std::size_t payload_bytes : {0U, 1U, 127U, 128U, 20'000U}) {
      MessageFields fields = some_fields();
      fields.timestamp = timestamp;
      fields.payload = std::string(payload_bytes, 'p');
      fields.metadata = {{"key", std::string(payload_bytes, 'v')}};
      DataMessage expected;
      expected.set_id(fields.id);
      expected.set_timestamp(timestamp);
      expected.set_source(fields.source);
      expected.set_payload(fields.payload);
      (*expected.mutable_metadata())["key"] = fields.metadata["key"];
      CHECK(Message::encode(fields).wire() == expected.SerializeAsString());
    }
  }
}

TEST_CASE("encoding the same fields gives the same bytes") {
  MessageFields fields = some_fields();
  for (int i = 0; i < 100; ++i) fields.metadata[std::to_string(i * 7919 % 100)] = "x";
  CHECK(Message::encode(fields).wire() == Message::encode(fields).wire());
}

TEST_CASE("decoding keeps the bytes and finds id and source") {
  const Message sent = Message::encode(some_fields());
  const auto received = Message::decode(sent.wire());
  REQUIRE(received.has_value());
  CHECK(received->wire() == sent.wire());
  CHECK(received->id() == sent.id());
  CHECK(received->source() == sent.source());
}

TEST_CASE("id and source survive a move") {
  Message first = Message::encode(some_fields());
  const Message second = std::move(first);
  CHECK(second.id() == some_fields().id);
  CHECK(second.source() == some_fields().source);
  Message third;
  CHECK(third.id().empty());
  third = Message::encode(some_fields());
  const std::string wire = third.wire();
  CHECK(std::move(third).take_wire() == wire);
}

TEST_CASE("fields in a foreign order, repeated and unknown ones") {
  const std::string unknown = field(15, "from a newer version");
  const std::string wire = field(4, "sourceid") + field(3, "first source") + field(1, "first id") +
                           unknown + field(3, "source") + field(1, "id");
  const auto message = Message::decode(wire);
  REQUIRE(message.has_value());
  CHECK(message->id() == "id");
  CHECK(message->source() == "source");
  CHECK(message->wire() == wire);
  CHECK(parsed(*message).id() == "id");
}

TEST_CASE("id and source may be the same text") {
  MessageFields fields;
  fields.id = "same";
  fields.source = "same";
  const auto message = Message::decode(Message::encode(fields).wire());
  REQUIRE(message.has_value());
  CHECK(message->id() == "same");
  CHECK(message->source() == "same");
}

TEST_CASE("a field that isn't allowed is rejected by name") {
  CHECK(decode_error("") == Status(Code::rejected, "id: must not be empty"));
  CHECK(decode_error(field(1, "id")) == Status(Code::rejected, "source: must not be empty"));
  CHECK(decode_error(field(3, "source")) == Status(Code::rejected, "id: must not be empty"));
  MessageFields fields = some_fields();
  fields.id = std::string(kIdBytesMax + 1, 'i');
  CHECK(decode_error(Message::encode(fields).wire()) ==
        Status(Code::rejected, "id: must be at most 128 bytes, has 129"));
  fields = some_fields();
  fields.source = std::string(kSourceBytesMax + 1, 's');
  CHECK(decode_error(Message::encode(fields).wire()) ==
        Status(Code::rejected, "source: must be at most 256 bytes, has 257"));
  fields.id = std::string(kIdBytesMax, 'i');
  fields.source = std::string(kSourceBytesMax, 's');
  CHECK(Message::decode(Message::encode(fields).wire()).has_value());
}

TEST_CASE("text that isn't UTF-8 is refused when it comes in") {
  for (const std::string& wire :
       {field(1, "i\xff") + field(3, "source"), field(1, "id") + field(3, "s\xc0\xaf"),
        field(1, "id") + field(3, "source") + field(5, field(1, "\xed\xa0\x80") + field(2, "v")),
        field(1, "id") + field(3, "source") + field(5, field(1, "k") + field(2, "\x80"))}) {
    const Status status = decode_error(wire);
    CHECK(status.code() == Code::invalid);
    CHECK(status.text() ==
          "body: not a diplom.v1.DataMessage: malformed protobuf, or a text field that isn't "
          "valid UTF-8");
  }
  CHECK(Message::decode(field(1, "id") + field(3, "source") + field(4, "\xff\xfe")).has_value());
}

TEST_CASE("every prefix of a message is refused or is a message") {
  const std::string wire = Message::encode(some_fields()).wire();
  for (std::size_t size = 0; size < wire.size(); ++size) {
    const auto result = Message::decode(wire.substr(0, size));
    if (!result) continue;
    CHECK(result->id() == some_fields().id);
    CHECK(parsed(*result).source() == result->source());
  }
}

TEST_CASE("lengths that lie, endless varints and bad tags are invalid") {
  const std::string good = field(1, "id") + field(3, "source");
  for (const std::string& tail : std::vector<std::string>{
           "\x22\xff\xff\xff\xff\x07", "\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
           "\x22\xff\xff\xff\xff\x0f", std::string("\x22\x80", 2), std::string("\x00", 1),
           "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x7b", "\x7c", "\x7f",
           std::string(100'000, '\x7b')}) {
    CHECK(decode_error(good + tail).code() == Code::invalid);
  }
}

// Each says 1 in six bytes, with bits beyond the 32nd: protobuf's parser takes five.
TEST_CASE("tags and lengths of more bytes than protobuf takes are invalid") {
  const std::string one("\x81\x80\x80\x80\x80\x00", 6);
  const std::string far("\x81\x80\x80\x80\x80\x01", 6);
  const std::string tag("\x8a\x80\x80\x80\x80\x00", 6);
  const std::string source = field(3, "s");
  const std::string good = field(1, "id") + source;
  const std::string entry = "\x0a" + one + "k";
  for (const std::string& wire :
       {"\x0a" + one + "i" + source, tag + "\x01i" + source, good + "\x22" + one + "x",
        good + "\x22" + far + "x", field(1, "id") + "\x1a" + one + "s",
        good + "\x2a" + std::string(1, static_cast<char>(entry.size())) + entry}) {
    CHECK_FALSE(DataMessage().ParseFromString(wire));
    CHECK(decode_error(wire).code() == Code::invalid);
  }
}

TEST_CASE("random bytes never do harm, and what is accepted is consistent") {
  std::mt19937 random(20261120);
  const std::string good = Message::encode(some_fields()).wire();
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string wire = good;
    if (round % 2 == 0) wire.resize(random() % 64);
    const std::size_t changes = round % 2 == 0 ? wire.size() : 1 + random() % 3;
    for (std::size_t i = 0; i < changes; ++i) wire[random() % wire.size()] = char(random());
    const auto message = Message::decode(wire);
    DataMessage out;
    const bool parses = out.ParseFromString(wire);
    if (!message) {
      REQUIRE(parses == (message.error().code() == Code::rejected));
      continue;
    }
    ++accepted;
    REQUIRE(parses);
    REQUIRE(message->id() == out.id());
    REQUIRE(message->source() == out.source());
  }
  CHECK(accepted > 0);
}

TEST_CASE("a message of a megabyte comes through whole") {
  MessageFields fields = some_fields();
  fields.payload = std::string(1024 * 1024, 'x');
  const auto message = Message::decode(Message::encode(fields).wire());
  REQUIRE(message.has_value());
  CHECK(parsed(*message).payload().size() == fields.payload.size());
}

TEST_CASE("validate accepts what encode requires") {
  CHECK(validate(some_fields()).ok());
  MessageFields fields = some_fields();
  fields.source.clear();
  CHECK(validate(fields) == Status(Code::rejected, "source: must not be empty"));
  fields = some_fields();
  fields.id = "\xff";
  CHECK(validate(fields) == Status(Code::rejected, "id: must be valid UTF-8"));
  for (const auto& [key, value] : {std::pair{"\xff", "v"}, std::pair{"k", "\xff"}}) {
    fields = some_fields();
    fields.metadata[key] = value;
    CHECK(validate(fields) ==
          Status(Code::rejected, "metadata: keys and values must be valid UTF-8"));
  }
}

TEST_CASE("age comes from a version 7 id, otherwise from the timestamp") {
  const std::string v7 = "0190163d-8694-739b-aea5-966c26f8ad90";
  const std::int64_t made_ms = Uuid::parse(v7)->unix_ms().value();
  CHECK(age_ms(v7, 0, made_ms + 250) == 250);
  CHECK(age_ms(v7, 0, made_ms - 250) == 0);
  const std::string v4 = "9e107d9d-372b-4826-8b4f-2f1f0f8e2b1c";
  CHECK(age_ms(v4, 1000, 1'000'250) == 250);
  CHECK(age_ms("not a uuid", 1000, 1'000'250) == 250);
  CHECK(age_ms("", 1001, 1'000'250) == 250);  // the future: clamped to the current second
  CHECK(age_ms("", INT64_MAX, 1'000'000) == 0);
  CHECK(age_ms("", INT64_MIN, 1'000'000) == 1'000'000);
}

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const char* good :
       {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf"}) {
    CHECK(is_utf8(good));
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    CHECK_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace millrace
