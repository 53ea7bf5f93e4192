// IngestRequest as it comes over the wire, and the answers.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>
#include <string_view>

#include "edge/ingest/ingest_core.h"

namespace millrace::edge {

// Parsed here instead of by gRPC, which has no better answer to a bad message than INTERNAL, or in
// a stream the same as to its end. `call_key`, with the message's `place` in its stream, is taken
// where the message has no key of its own. Code::too_large beyond `bytes_max`; Code::invalid for
// what isn't an IngestRequest; Code::rejected naming the field for text that isn't UTF-8.
// Thread-safe.
Result<IngestItem> decode_request(grpc::ByteBuffer& buffer, std::size_t bytes_max,
                                  std::string_view call_key, std::uint64_t place = 0);

// Bytes that it takes in memory beyond those of the wire.
std::uint64_t memory_overhead(const Result<IngestItem>& item);

grpc::ByteBuffer encode_answer(const google::protobuf::MessageLite& answer);

}  // namespace millrace::edge
