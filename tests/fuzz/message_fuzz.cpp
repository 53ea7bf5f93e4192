// A DataMessage's bytes from outside. The views into accepted bytes must lie inside them and say
// what protobuf reads there; encoding the fields anew must give an equal message.
#include <functional>
#include <utility>

#include "diplom/v1/diplom.pb.h"
#include "message/message.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

bool inside(std::string_view part, const std::string& whole) {
  const std::less_equal<> le;  // an order over all pointers, also of different objects
  return le(whole.data(), part.data()) &&
         le(part.data() + part.size(), whole.data() + whole.size());
}

MessageFields fields_of(const diplom::v1::DataMessage& message) {
  return {message.id(),
          message.timestamp(),
          message.source(),
          message.payload(),
          {message.metadata().begin(), message.metadata().end()}};
}

void check(std::string_view bytes) {
  const auto message = Message::decode(std::string(bytes));
  if (!message) {
    require(message.error().code() == Code::invalid || message.error().code() == Code::rejected,
            "a refusal's code");
    diplom::v1::DataMessage parsed;
    const bool parses = parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    require(parses == (message.error().code() == Code::rejected),
            "protobuf refuses what we refuse");
    return;
  }
  require(message->wire() == bytes && message->size() == bytes.size(), "bytes move unchanged");
  require(inside(message->id(), message->wire()), "the id lies in the bytes");
  require(inside(message->source(), message->wire()), "the source lies in the bytes");

  diplom::v1::DataMessage parsed;
  require(message->parse_into(parsed), "accepted bytes parse");
  require(message->id() == parsed.id(), "the id is what protobuf reads");
  require(message->source() == parsed.source(), "the source is what protobuf reads");

  const MessageFields fields = fields_of(parsed);
  require(validate(fields).ok(), "fields of accepted bytes are valid");
  Message encoded = Message::encode(fields);
  require(encoded.id() == fields.id && encoded.source() == fields.source, "encode finds its views");
  require(encoded.parse_into(parsed), "what we encode parses");
  const MessageFields again = fields_of(parsed);
  require(again.id == fields.id && again.timestamp == fields.timestamp &&
              again.source == fields.source && again.payload == fields.payload &&
              again.metadata == fields.metadata,
          "fields come back the same");

  const Message moved = std::move(encoded);
  require(inside(moved.id(), moved.wire()) && moved.id() == fields.id, "views survive a move");
  require(age_ms(moved.id(), fields.timestamp, 1'700'000'000'000) >= 0, "an age isn't negative");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::fuzz::check(millrace::fuzz::as_text(data, size));
  return 0;
}
