#include "edge/grpc/request_codec.h"

#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>
#include <optional>

#include "diplom/v1/diplom.pb.h"
#include "message/utf8.h"

namespace millrace::edge {
namespace {

using diplom::v1::IngestRequest;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// A thread keeps its parsed request, with its buffers, only up to this size.
constexpr std::size_t kReusedBytesMax = std::size_t{64} * 1024;

// Of a map's node with two short strings: on the wire it takes as little as seven bytes.
constexpr std::uint64_t kMetadataEntryBytes = 128;

std::string contiguous(grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

bool has_bad_text(const UnknownField& field) {
  return field.type() == UnknownField::TYPE_LENGTH_DELIMITED && !is_utf8(field.length_delimited());
}

bool has_bad_entry(const UnknownField& field) {
  UnknownFieldSet entry;
  if (field.type() != UnknownField::TYPE_LENGTH_DELIMITED) return false;
  if (!entry.ParseFromString(field.length_delimited())) return false;
  for (int i = 0; i < entry.field_count(); ++i) {
    if (has_bad_text(entry.field(i))) return true;
  }
  return false;
}

// The parser only says that something is wrong: where it is text, this says which.
Status explain(grpc::ByteBuffer& buffer) {
  UnknownFieldSet fields;
  if (fields.ParseFromString(contiguous(buffer))) {
    for (int i = 0; i < fields.field_count(); ++i) {
      const UnknownField& field = fields.field(i);
      const auto bad = [](const char* name) {
        return Status(Code::rejected, std::string(name) + ": must be valid UTF-8");
      };
      if (field.number() == IngestRequest::kSourceFieldNumber && has_bad_text(field)) {
        return bad("source");
      }
      if (field.number() == IngestRequest::kIdempotencyKeyFieldNumber && has_bad_text(field)) {
        return bad("idempotency_key");
      }
      if (field.number() == IngestRequest::kMetadataFieldNumber && has_bad_entry(field)) {
        return bad("metadata");
      }
    }
  }
  return {Code::invalid, "request: not a diplom.v1.IngestRequest"};
}

IngestItem take_item(IngestRequest& request, std::string_view call_key, std::uint64_t place) {
  IngestItem item;
  item.fields.source = std::move(*request.mutable_source());
  item.fields.data = std::move(*request.mutable_data());
  for (auto& [key, value] : *request.mutable_metadata()) {
    item.fields.metadata.emplace(key, std::move(value));
  }
  item.idempotency_key = std::move(*request.mutable_idempotency_key());
  if (item.idempotency_key.empty() && !call_key.empty()) {
    item.idempotency_key = call_key;
    item.place = place;
  }
  return item;
}

}  // namespace

Result<IngestItem> decode_request(grpc::ByteBuffer& buffer, std::size_t bytes_max,
                                  std::string_view call_key, std::uint64_t place) {
  const std::size_t bytes = buffer.Length();
  if (bytes > bytes_max) {
    return Status(Code::too_large, "request: must be at most " + std::to_string(bytes_max) +
                                       " bytes, has " + std::to_string(bytes));
  }
  thread_local IngestRequest reused;
  std::optional<IngestRequest> large;
  IngestRequest& request = bytes <= kReusedBytesMax ? reused : large.emplace();
  grpc::ProtoBufferReader reader(&buffer);
  if (!reader.status().ok() || !request.ParseFromZeroCopyStream(&reader)) return explain(buffer);
  return take_item(request, call_key, place);
}

std::uint64_t memory_overhead(const Result<IngestItem>& item) {
  return item.has_value() ? kMetadataEntryBytes * item->fields.metadata.size() : 0;
}

grpc::ByteBuffer encode_answer(const google::protobuf::MessageLite& answer) {
  const grpc::Slice slice(answer.SerializeAsString());
  return {&slice, 1};
}

}  // namespace millrace::edge
