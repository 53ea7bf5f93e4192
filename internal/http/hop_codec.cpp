#include "http/hop_codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "millrace/v1/hop.pb.h"

namespace millrace::http {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::size_t kTagBytes = 1;  // all field numbers are below 16

// A field takes two bytes on the wire and a hundred and more in memory: they are counted first.
bool has_too_many_fields(std::string_view body) {
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(body.data()),
                         static_cast<int>(body.size()));
  std::size_t fields = 0;
  while (const std::uint32_t tag = input.ReadTag()) {
    if (++fields > kHopItemsMax) return true;
    if (!WireFormatLite::SkipField(&input, tag)) break;
  }
  return false;
}

std::size_t bytes_field_size(const std::string& value) {
  if (value.empty()) return 0;
  return kTagBytes + CodedOutputStream::VarintSize64(value.size()) + value.size();
}

std::uint8_t* write_bytes_field(int field, const std::string& value, std::uint8_t* at) {
  return value.empty() ? at : WireFormatLite::WriteBytesToArray(field, value, at);
}

}  // namespace

// Written in place: a protobuf object would be one more copy of each body.
void append_hop_item(std::string& batch, const HopItem& item) {
  using Wire = millrace::v1::HopItem;
  std::size_t bytes = bytes_field_size(item.body) + bytes_field_size(item.request_id) +
                      bytes_field_size(item.idempotency_key);
  if (item.place != 0) bytes += kTagBytes + CodedOutputStream::VarintSize64(item.place);
  const std::size_t begin = batch.size();
  batch.resize(begin + kTagBytes + CodedOutputStream::VarintSize64(bytes) + bytes);
  auto* at = reinterpret_cast<std::uint8_t*>(batch.data() + begin);
  at = WireFormatLite::WriteTagToArray(millrace::v1::HopBatch::kItemsFieldNumber,
                                       WireFormatLite::WIRETYPE_LENGTH_DELIMITED, at);
  at = CodedOutputStream::WriteVarint64ToArray(bytes, at);
  at = write_bytes_field(Wire::kBodyFieldNumber, item.body, at);
  at = write_bytes_field(Wire::kRequestIdFieldNumber, item.request_id, at);
  at = write_bytes_field(Wire::kIdempotencyKeyFieldNumber, item.idempotency_key, at);
  if (item.place != 0) WireFormatLite::WriteUInt64ToArray(Wire::kPlaceFieldNumber, item.place, at);
}

// The thread_local objects below: parsing into used ones spares the allocations.

Result<std::vector<HopItem>> decode_hop_batch(std::string_view body) {
  if (has_too_many_fields(body)) {
    return Status(Code::too_large,
                  "a batch has at most " + std::to_string(kHopItemsMax) + " items");
  }
  thread_local millrace::v1::HopBatch batch;
  if (!batch.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Status(Code::invalid, "not a HopBatch");
  }
  std::vector<HopItem> items;
  items.reserve(static_cast<std::size_t>(batch.items_size()));
  for (auto& item : *batch.mutable_items()) {
    items.push_back({std::move(*item.mutable_body()), std::move(*item.mutable_request_id()),
                     std::move(*item.mutable_idempotency_key()), item.place()});
  }
  return items;
}

std::string encode_hop_reply(const std::vector<HopAnswer>& answers) {
  thread_local millrace::v1::HopReply reply;
  reply.Clear();
  for (const HopAnswer& answer : answers) {
    auto& encoded = *reply.add_answers();
    encoded.set_code(static_cast<std::uint32_t>(answer.code));
    encoded.set_text(answer.text);
  }
  return reply.SerializeAsString();
}

Result<std::vector<HopAnswer>> decode_hop_reply(std::string_view body) {
  thread_local millrace::v1::HopReply reply;
  if (has_too_many_fields(body) ||
      !reply.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Status(Code::invalid, "not a HopReply");
  }
  std::vector<HopAnswer> answers;
  answers.reserve(static_cast<std::size_t>(reply.answers_size()));
  for (auto& answer : *reply.mutable_answers()) {
    if (answer.code() >= kCodeCount) return Status(Code::invalid, "an unknown code in a HopReply");
    answers.push_back({static_cast<Code>(answer.code()), std::move(*answer.mutable_text())});
  }
  return answers;
}

}  // namespace millrace::http
