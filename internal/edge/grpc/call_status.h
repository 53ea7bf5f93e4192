// Our outcomes in gRPC's terms: a code, a sentence, and google.rpc's error details.
#pragma once

#include <grpcpp/support/status.h>
#include <string_view>

#include "base/status.h"
#include "diplom/v1/diplom.pb.h"
#include "edge/intake/stream_intake.h"

namespace millrace::edge {

// invalid, rejected: INVALID_ARGUMENT; too_large, full: RESOURCE_EXHAUSTED; unavailable, closed:
// UNAVAILABLE; deadline: DEADLINE_EXCEEDED; internal: INTERNAL.
grpc::StatusCode grpc_code(Code code);

// "INVALID_ARGUMENT", ...: for labels and logs.
std::string_view grpc_code_name(grpc::StatusCode code);

// With a BadRequest naming the field for what a client must change, and a RetryInfo for what may
// succeed a while later.
grpc::Status to_grpc(const Status& status);

// The same for a stream that ends here: an IngestProgress too, and its counts in the sentence.
grpc::Status to_grpc(const Status& status, const StreamProgress& progress);
// For an end that isn't one of our outcomes.
grpc::Status to_grpc(grpc::StatusCode code, const std::string& why, const StreamProgress& progress);

diplom::v1::IngestProblem to_problem(std::uint64_t index, const Status& status);

}  // namespace millrace::edge
