// The framing of the hops. What can be decoded, as a batch or as a reply, comes back the same after
// being encoded and decoded again, and its encoding doesn't change any more.
#include "http/hop_codec.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

using namespace millrace::http;

std::string encoded(const std::vector<HopItem>& items) {
  std::string batch;
  for (const HopItem& item : items) append_hop_item(batch, item);
  return batch;
}

void check_batch(std::string_view bytes) {
  const auto items = decode_hop_batch(bytes);
  if (!items) {
    const Code code = items.error().code();
    return require(code == Code::invalid || code == Code::too_large, "a refusal's code");
  }
  require(items->size() <= kHopItemsMax, "a batch is bounded");
  const std::string batch = encoded(*items);
  const auto again = decode_hop_batch(batch);
  require(again.has_value() && again->size() == items->size(), "as many items come back");
  for (std::size_t i = 0; i < items->size(); ++i) {
    require((*items)[i].body == (*again)[i].body, "a body comes back");
    require((*items)[i].request_id == (*again)[i].request_id, "a request id comes back");
    require((*items)[i].idempotency_key == (*again)[i].idempotency_key, "a key comes back");
    require((*items)[i].place == (*again)[i].place, "a place comes back");
  }
  require(encoded(*again) == batch, "the same items have the same bytes");
}

void check_reply(std::string_view bytes) {
  const auto answers = decode_hop_reply(bytes);
  if (!answers) return require(answers.error().code() == Code::invalid, "a refusal's code");
  const std::string reply = encode_hop_reply(*answers);
  const auto again = decode_hop_reply(reply);
  require(again.has_value() && again->size() == answers->size(), "as many answers come back");
  for (std::size_t i = 0; i < answers->size(); ++i) {
    require(static_cast<std::uint8_t>((*answers)[i].code) < kCodeCount, "a code is one of ours");
    require((*answers)[i].code == (*again)[i].code, "a code comes back");
    require((*answers)[i].text == (*again)[i].text, "a text comes back");
  }
  require(encode_hop_reply(*again) == reply, "the same answers have the same bytes");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = millrace::fuzz::as_text(data, size);
  millrace::fuzz::check_batch(bytes);
  millrace::fuzz::check_reply(bytes);
  return 0;
}
