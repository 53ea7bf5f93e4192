#include "queue/nats/nats_frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "diplom/v1/diplom.pb.h"

namespace millrace::queue {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::uint32_t kTag = WireFormatLite::MakeTag(diplom::v1::DataFrame::kMessagesFieldNumber,
                                                       WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
static_assert(kTag < 0x80, "the tag is one byte");

std::size_t size_in_frame(std::string_view wire) {
  const auto size = static_cast<std::uint32_t>(wire.size());
  return 1 + CodedOutputStream::VarintSize32(size) + size;
}

}  // namespace

std::string pack_frame(const std::vector<std::string_view>& wires) {
  std::size_t size = 0;
  for (const std::string_view wire : wires) size += size_in_frame(wire);
  std::string frame(size, '\0');
  auto* at = reinterpret_cast<std::uint8_t*>(frame.data());
  for (const std::string_view wire : wires) {
    at = CodedOutputStream::WriteTagToArray(kTag, at);
    at = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(wire.size()), at);
    at = CodedOutputStream::WriteRawToArray(wire.data(), static_cast<int>(wire.size()), at);
  }
  return frame;
}

std::vector<std::string_view> unpack_frame(std::string_view frame, std::uint64_t count) {
  if (count == 0 || count > kNatsFrameMessagesMax) return {};
  std::vector<std::string_view> wires;
  wires.reserve(count);
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(frame.data()),
                         static_cast<int>(frame.size()));
  while (wires.size() < count) {
    std::uint32_t size = 0;
    if (input.ReadTag() != kTag || !input.ReadVarint32(&size)) return {};
    const auto begin = static_cast<std::size_t>(input.CurrentPosition());
    if (size > frame.size() - begin || !input.Skip(static_cast<int>(size))) return {};
    wires.push_back(frame.substr(begin, size));
  }
  if (static_cast<std::size_t>(input.CurrentPosition()) != frame.size()) return {};
  return wires;
}

}  // namespace millrace::queue
