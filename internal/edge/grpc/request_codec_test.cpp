#include "edge/grpc/request_codec.h"

#include <catch2/catch.hpp>
#include <grpcpp/support/slice.h>

#include "diplom/v1/diplom.pb.h"
#include "edge/grpc/call_status.h"
#include "google/rpc/error_details.pb.h"

namespace millrace::edge {
namespace {

// In two slices, as it may come from the wire.
Result<IngestItem> decode(const std::string& bytes, std::size_t max = 1'000'000,
                          std::string_view key = "") {
  const std::size_t half = bytes.size() / 2;
  const grpc::Slice slices[] = {grpc::Slice(bytes.substr(0, half)),
                                grpc::Slice(bytes.substr(half))};
  grpc::ByteBuffer buffer(slices, 2);
  return decode_request(buffer, max, key);
}

diplom::v1::IngestRequest good() {
  diplom::v1::IngestRequest request;
  request.set_source("s");
  request.set_data(std::string("d\0\xff", 3));
  (*request.mutable_metadata())["k"] = "v";
  return request;
}

google::rpc::Status details_of(const grpc::Status& status) {
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(status.error_details()));
  return details;
}

TEST_CASE("a request keeps all it has", "[grpc]") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{200'000}}) {
    auto request = good();
    request.mutable_data()->append(size, 'x');
    const auto item = decode(request.SerializeAsString());
    REQUIRE(item.has_value());
    CHECK(item->fields.source == "s");
    CHECK(item->fields.data == request.data());
    CHECK(item->fields.metadata == std::map<std::string, std::string>{{"k", "v"}});
    CHECK(item->idempotency_key.empty());
  }
}

TEST_CASE("a message's own key wins over the call's", "[grpc]") {
  auto request = good();
  CHECK(decode(request.SerializeAsString(), 1000, "call")->idempotency_key == "call");
  request.set_idempotency_key("own");
  CHECK(decode(request.SerializeAsString(), 1000, "call")->idempotency_key == "own");
  CHECK(decode(good().SerializeAsString())->idempotency_key.empty());
}

TEST_CASE("what is wrong is named", "[grpc]") {
  const auto error = [](const std::string& bytes) { return decode(bytes).error(); };
  CHECK(error("\xff") == Status(Code::invalid, "request: not a diplom.v1.IngestRequest"));
  CHECK(error("\x0a\x01\xff") == Status(Code::rejected, "source: must be valid UTF-8"));
  CHECK(error(std::string("\x1a\x06\x0a\x01k\x12\x01\xff", 8)) ==
        Status(Code::rejected, "metadata: must be valid UTF-8"));
  CHECK(error("\x22\x01\xff") == Status(Code::rejected, "idempotency_key: must be valid UTF-8"));
  const std::string bytes = good().SerializeAsString();
  CHECK(decode(bytes, bytes.size()).has_value());
  CHECK(decode(bytes, bytes.size() - 1).error().code() == Code::too_large);
}

TEST_CASE("each outcome is one code, with details a client can act on", "[grpc]") {
  using enum grpc::StatusCode;
  CHECK(to_grpc(Status()).ok());
  const auto bad = to_grpc(Status(Code::rejected, "source: must not be empty"));
  CHECK(bad.error_code() == INVALID_ARGUMENT);
  google::rpc::BadRequest violations;
  REQUIRE(details_of(bad).details(0).UnpackTo(&violations));
  CHECK(violations.field_violations(0).field() == "source");
  const auto full = to_grpc(Status(Code::full, "the queue is full"));
  CHECK(full.error_code() == RESOURCE_EXHAUSTED);
  google::rpc::RetryInfo retry;
  REQUIRE(details_of(full).details(0).UnpackTo(&retry));
  CHECK(retry.retry_delay().seconds() == 1);
  const auto large = to_grpc(Status(Code::too_large, "x"));
  CHECK(large.error_code() == RESOURCE_EXHAUSTED);
  CHECK_FALSE(details_of(large).details(0).UnpackTo(&retry));
  CHECK(to_grpc(Status(Code::unavailable, "x")).error_code() == UNAVAILABLE);
  CHECK(to_grpc(Status(Code::closed, "x")).error_code() == UNAVAILABLE);
  CHECK(to_grpc(Status(Code::deadline, "x")).error_code() == DEADLINE_EXCEEDED);
  CHECK(to_grpc(Status(Code::internal, "x")).error_code() == INTERNAL);
  CHECK(grpc_code_name(RESOURCE_EXHAUSTED) == "RESOURCE_EXHAUSTED");
}

TEST_CASE("a stream that ends early says how far it got", "[grpc]") {
  StreamProgress progress;
  progress.received = 5;
  progress.accepted = 3;
  progress.rejected = 1;
  progress.last_message_id = "id";
  progress.first_error = Status(Code::full, "full");
  progress.first_error_index = 2;
  const auto status = to_grpc(grpc::StatusCode::UNAVAILABLE, "shutting down", progress);
  CHECK(status.error_message() == "shutting down (3 accepted, 1 rejected of 5 received)");
  diplom::v1::IngestProgress details;
  REQUIRE(details_of(status).details(0).UnpackTo(&details));
  CHECK(details.accepted() == 3);
  CHECK(details.last_message_id() == "id");
  CHECK(details.first_error().index() == 2);
  CHECK(details.first_error().retryable());
}

}  // namespace
}  // namespace millrace::edge
