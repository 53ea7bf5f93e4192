#include "http/hop_codec.h"

#include <catch2/catch.hpp>

#include "millrace/v1/hop.pb.h"

namespace millrace::http {
namespace {

std::string encoded(const std::vector<HopItem>& items) {
  std::string batch;
  for (const HopItem& item : items) append_hop_item(batch, item);
  return batch;
}

TEST_CASE("items come back as they were, in order") {
  const std::vector<HopItem> items = {
      {"body", "id", "key"}, {"", "", ""}, {std::string("\0\xff", 2), "", "k", 7}, {"b", "i", ""}};
  const auto decoded = decode_hop_batch(encoded(items));
  REQUIRE(decoded.has_value());
  REQUIRE(decoded->size() == items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    CHECK((*decoded)[i].body == items[i].body);
    CHECK((*decoded)[i].request_id == items[i].request_id);
    CHECK((*decoded)[i].idempotency_key == items[i].idempotency_key);
    CHECK((*decoded)[i].place == items[i].place);
  }
  CHECK(decode_hop_batch("").value().empty());
}

TEST_CASE("items are written as protobuf writes them") {
  const std::vector<HopItem> items = {{std::string(128, 'b'), std::string(300, 'i'), "key", 128},
                                      {std::string(1 << 20, 'b'), "", "", UINT64_MAX},
                                      {"", "", "", 0},
                                      {"body", "id", "key", 1}};
  millrace::v1::HopBatch batch;
  for (const HopItem& item : items) {
    auto& one = *batch.add_items();
    one.set_body(item.body);
    one.set_request_id(item.request_id);
    one.set_idempotency_key(item.idempotency_key);
    one.set_place(item.place);
  }
  CHECK((encoded(items) == batch.SerializeAsString()));
}

TEST_CASE("more items than a sender may gather are refused before anything is made of them") {
  std::string batch;
  for (std::size_t i = 0; i < kHopItemsMax; ++i) batch += std::string("\x0a\x00", 2);
  CHECK(decode_hop_batch(batch).value().size() == kHopItemsMax);
  CHECK(decode_hop_reply(batch).value().size() == kHopItemsMax);
  batch += std::string("\x0a\x00", 2);
  CHECK(decode_hop_batch(batch).error().code() == Code::too_large);
  CHECK(decode_hop_reply(batch).error().code() == Code::invalid);
  // Fields that a reader skips cost it memory too.
  std::string unknown;
  for (std::size_t i = 0; i <= kHopItemsMax; ++i) unknown += "\x18\x01";
  CHECK(decode_hop_batch(unknown).error().code() == Code::too_large);
}

TEST_CASE("answers come back as they were, in order") {
  std::vector<HopAnswer> answers;
  for (std::uint8_t code = 0; code < kCodeCount; ++code) {
    answers.push_back({static_cast<Code>(code), "text " + std::to_string(code)});
  }
  answers.push_back({Code::ok, ""});
  const auto decoded = decode_hop_reply(encode_hop_reply(answers));
  REQUIRE(decoded.has_value());
  REQUIRE(decoded->size() == answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CHECK((*decoded)[i].code == answers[i].code);
    CHECK((*decoded)[i].text == answers[i].text);
  }
}

// Protobuf refuses a whole message for a string that isn't UTF-8, and header values needn't be.
TEST_CASE("regression: an Idempotency-Key that wasn't UTF-8 made its whole batch unreadable") {
  const auto decoded = decode_hop_batch(encoded({{"a", "", ""}, {"b", "\xfe", "\xff"}}));
  REQUIRE(decoded.has_value());
  REQUIRE(decoded->size() == 2);
  CHECK((*decoded)[1].request_id == "\xfe");
  CHECK((*decoded)[1].idempotency_key == "\xff");
  const auto reply = decode_hop_reply(encode_hop_reply({{Code::invalid, "not \xff"}}));
  REQUIRE(reply.has_value());
  CHECK(reply->at(0).text == "not \xff");
}

TEST_CASE("nonsense is invalid") {
  const std::string batch = encoded({{"body", "id", "key"}});
  for (const std::string& bytes :
       {std::string("nonsense"), std::string("\xff"), batch.substr(0, batch.size() - 1),
        std::string("\x0a\xff\xff\xff\xff\x0f", 6), std::string("\x08\x01\x07", 3)}) {
    const auto decoded = decode_hop_batch(bytes);
    REQUIRE(!decoded.has_value());
    CHECK(decoded.error().code() == Code::invalid);
    CHECK(!decode_hop_reply(bytes).has_value());
  }
}

TEST_CASE("a code that isn't one of ours is invalid") {
  CHECK(decode_hop_reply(std::string("\x0a\x02\x08\x08", 4)).value()[0].code == Code::internal);
  CHECK(!decode_hop_reply(std::string("\x0a\x02\x08\x09", 4)).has_value());
  CHECK(!decode_hop_reply(std::string("\x0a\x03\x08\x80\x02", 5)).has_value());  // 256
}

}  // namespace
}  // namespace millrace::http
