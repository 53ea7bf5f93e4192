#include "edge/grpc/call_status.h"

#include <array>

#include "google/rpc/error_details.pb.h"

namespace millrace::edge {
namespace {

constexpr int kRetryDelaySeconds = 1;
// Trailers have a bound, 8 KiB by default.
constexpr std::size_t kTextBytesMax = 1024;

// "source: must not be empty" names its field up to the colon.
std::string_view field_of(const Status& status) {
  const std::string_view text = status.text();
  const std::size_t colon = text.find(": ");
  return colon == std::string_view::npos ? std::string_view("data") : text.substr(0, colon);
}

void add_retry_info(google::rpc::Status& out) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(kRetryDelaySeconds);
  out.add_details()->PackFrom(retry);
}

void add_details(const Status& status, google::rpc::Status& out) {
  const Code code = status.code();
  if (code == Code::invalid || code == Code::rejected || code == Code::too_large) {
    google::rpc::BadRequest bad;
    auto& violation = *bad.add_field_violations();
    violation.set_field(std::string(field_of(status)));
    violation.set_description(out.message());
    out.add_details()->PackFrom(bad);
  } else if (status.retryable() && code != Code::ok) {
    add_retry_info(out);
  }
}

google::rpc::Status describe(grpc::StatusCode code, const std::string& text) {
  google::rpc::Status out;
  out.set_code(code);
  out.set_message(text.substr(0, kTextBytesMax));
  return out;
}

void add_progress(const StreamProgress& progress, google::rpc::Status& out) {
  diplom::v1::IngestProgress details;
  details.set_received(progress.received);
  details.set_accepted(progress.accepted);
  details.set_rejected(progress.rejected);
  details.set_last_message_id(progress.last_message_id);
  if (!progress.first_error.ok()) {
    *details.mutable_first_error() = to_problem(progress.first_error_index, progress.first_error);
  }
  out.add_details()->PackFrom(details);
  out.set_message(out.message() + " (" + std::to_string(progress.accepted) + " accepted, " +
                  std::to_string(progress.rejected) + " rejected of " +
                  std::to_string(progress.received) + " received)");
}

grpc::Status wire(const google::rpc::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), status.message(),
          status.SerializeAsString()};
}

}  // namespace

grpc::StatusCode grpc_code(Code code) {
  switch (code) {
    case Code::ok:
      return grpc::StatusCode::OK;
    case Code::invalid:
    case Code::rejected:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::too_large:
    case Code::full:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::unavailable:
    case Code::closed:
      return grpc::StatusCode::UNAVAILABLE;
    case Code::deadline:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Code::internal:
      break;
  }
  return grpc::StatusCode::INTERNAL;
}

std::string_view grpc_code_name(grpc::StatusCode code) {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

grpc::Status to_grpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status out = describe(grpc_code(status.code()), status.text());
  add_details(status, out);
  return wire(out);
}

grpc::Status to_grpc(const Status& status, const StreamProgress& progress) {
  google::rpc::Status out = describe(grpc_code(status.code()), status.text());
  add_details(status, out);
  add_progress(progress, out);
  return wire(out);
}

grpc::Status to_grpc(grpc::StatusCode code, const std::string& why,
                     const StreamProgress& progress) {
  google::rpc::Status out = describe(code, why);
  add_progress(progress, out);
  if (code == grpc::StatusCode::UNAVAILABLE) add_retry_info(out);
  return wire(out);
}

diplom::v1::IngestProblem to_problem(std::uint64_t index, const Status& status) {
  diplom::v1::IngestProblem problem;
  problem.set_index(index);
  problem.set_code(grpc_code(status.code()));
  problem.set_message(status.text().substr(0, kTextBytesMax));
  problem.set_retryable(status.retryable());
  return problem;
}

}  // namespace millrace::edge
