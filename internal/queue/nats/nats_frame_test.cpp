#include "queue/nats/nats_frame.h"

#include <catch2/catch.hpp>

#include "diplom/v1/diplom.pb.h"

namespace millrace::queue {
namespace {

using Wires = std::vector<std::string_view>;

TEST_CASE("a frame is the DataFrame that protobuf writes") {
  diplom::v1::DataFrame frame;
  for (const std::size_t size : {0U, 1U, 200U, 70'000U}) {
    diplom::v1::DataMessage& message = *frame.add_messages();
    message.set_id("m-" + std::to_string(size));
    message.set_payload(std::string(size, 'x'));
  }
  std::vector<std::string> bytes;
  for (const auto& message : frame.messages()) bytes.push_back(message.SerializeAsString());
  const Wires wires(bytes.begin(), bytes.end());
  const std::string packed = pack_frame(wires);
  CHECK(packed == frame.SerializeAsString());
  CHECK(unpack_frame(packed, 4) == wires);
  std::size_t most = 0;
  for (const auto& wire : wires) most += wire.size() + kNatsFrameOverhead;
  CHECK(packed.size() <= most);
}

TEST_CASE("an empty message is one of a frame") {
  CHECK(unpack_frame(pack_frame({"", "a", ""}), 3) == Wires{"", "a", ""});
}

TEST_CASE("what isn't a frame of so many gives nothing") {
  const std::string packed = pack_frame({"abc", "defg"});
  CHECK(unpack_frame(packed, 0).empty());
  CHECK(unpack_frame(packed, 1).empty());
  CHECK(unpack_frame(packed, 3).empty());
  CHECK(unpack_frame(packed + "x", 2).empty());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CAPTURE(size);
    CHECK(unpack_frame(std::string_view(packed).substr(0, size), 2).empty());
  }
  CHECK(unpack_frame("\x12\x01x", 1).empty());                     // another field
  CHECK(unpack_frame("\x0a\xff\xff\xff\xff\x0f", 1).empty());      // 4 GiB - 1
  CHECK(unpack_frame("\x0a\xff\xff\xff\xff\xff\xff", 1).empty());  // no number
  CHECK(unpack_frame(pack_frame(Wires(kNatsFrameMessagesMax + 1, "x")), kNatsFrameMessagesMax + 1)
            .empty());
}

}  // namespace
}  // namespace millrace::queue
