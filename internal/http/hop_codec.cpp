#include "http/hop_codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "millrace/v1/hop.pb.h"

namespace millrace::http {
namespace {

// A field takes two bytes on the wire and a hundred and more in memory: they are counted first.
bool has_too_many_fields(std::string_view body) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(body.data()),
                                               static_cast<int>(body.size()));
  std::size_t fields = 0;
  while (const std::uint32_t tag = input.ReadTag()) {
    if (++fields > kHopItemsMax) return true;
    if (!google::protobuf::internal::WireFormatLite::SkipField(&input, tag)) break;
  }
  return false;
}

}  // namespace

// The thread_local objects below: filling and parsing into used ones spares the allocations.

void append_hop_item(std::string& batch, const HopItem& item) {
  thread_local millrace::v1::HopBatch one;
  auto& encoded = one.items_size() == 0 ? *one.add_items() : *one.mutable_items(0);
  encoded.set_body(item.body);
  encoded.set_request_id(item.request_id);
  encoded.set_idempotency_key(item.idempotency_key);
  encoded.set_place(item.place);
  one.AppendToString(&batch);
}

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
