// A stored frame of messages. What can be taken apart comes back the same after being packed and
// taken apart again; protobuf reads it the same way, and what protobuf writes is taken apart.
#include "diplom/v1/diplom.pb.h"
#include "queue/nats/nats_frame.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

bool parse(diplom::v1::DataFrame& frame, std::string_view bytes) {
  return frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void check(std::string_view bytes, std::uint64_t count) {
  const auto wires = queue::unpack_frame(bytes, count);
  if (wires.empty()) return;
  require(wires.size() == count && count <= queue::kNatsFrameMessagesMax, "as many as it says");
  const std::string packed = queue::pack_frame(wires);
  require(queue::unpack_frame(packed, count) == wires, "what was packed comes back");
  diplom::v1::DataFrame frame;
  if (!parse(frame, bytes)) return;
  require(frame.messages_size() == static_cast<int>(count), "protobuf finds as many");
  for (const std::string_view wire : wires) {
    diplom::v1::DataMessage message;
    require(message.ParseFromArray(wire.data(), static_cast<int>(wire.size())),
            "protobuf reads each");
  }
}

// What protobuf reads and writes is taken apart.
void check_taken(std::string_view bytes) {
  diplom::v1::DataFrame frame;
  if (!parse(frame, bytes) || frame.messages().empty()) return;
  frame.DiscardUnknownFields();
  const auto count = static_cast<std::size_t>(frame.messages_size());
  const std::string written = frame.SerializeAsString();
  const auto wires = queue::unpack_frame(written, count);
  require(wires.size() == (count <= queue::kNatsFrameMessagesMax ? count : 0), "it is taken apart");
}

}  // namespace
}  // namespace millrace::fuzz

// The first two bytes are how many it says there are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes = millrace::fuzz::as_text(data + 2, size - 2);
  millrace::fuzz::check(bytes, data[0] + 256U * data[1]);
  millrace::fuzz::check_taken(bytes);
  return 0;
}
