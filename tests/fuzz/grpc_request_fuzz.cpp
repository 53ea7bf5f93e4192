// An IngestRequest's bytes from outside, in as many slices as they came in. What is taken is what
// protobuf reads; what isn't has a reason, and a field where one is to blame.
#include <grpcpp/support/slice.h>

#include "diplom/v1/diplom.pb.h"
#include "edge/grpc/request_codec.h"
#include "message/utf8.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

constexpr std::size_t kBytesMax = 4096;

grpc::ByteBuffer in_slices(std::string_view bytes) {
  // Cut where the bytes themselves say, so that the fuzzer may choose.
  std::vector<grpc::Slice> slices;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(
        bytes.size(), 1U + static_cast<std::uint8_t>(bytes.back()) % 64U * bytes.size() / 64U);
    slices.emplace_back(bytes.data(), size);
    bytes.remove_prefix(size);
  }
  return {slices.data(), slices.size()};
}

void check_taken(const edge::IngestItem& item, const diplom::v1::IngestRequest& parsed) {
  require(item.fields.source == parsed.source() && item.fields.data == parsed.data(),
          "the fields are what protobuf reads");
  require(item.fields.metadata.size() == parsed.metadata().size(), "all metadata is there");
  for (const auto& [key, value] : item.fields.metadata) {
    const auto at = parsed.metadata().find(key);
    require(at != parsed.metadata().end() && at->second == value, "metadata is what was sent");
    require(is_utf8(key) && is_utf8(value), "metadata is text");
  }
  require(is_utf8(item.fields.source) && is_utf8(item.idempotency_key), "text is UTF-8");
  const bool own_key = !parsed.idempotency_key().empty();
  require(item.idempotency_key == (own_key ? parsed.idempotency_key() : "call"), "whose key");
  require(item.place == (own_key ? 0 : 7), "the place is the call key's");
}

void check(std::string_view bytes) {
  grpc::ByteBuffer buffer = in_slices(bytes);
  const auto item = edge::decode_request(buffer, kBytesMax, "call", 7);
  diplom::v1::IngestRequest parsed;
  const bool whole = parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (item.has_value()) {
    require(whole && bytes.size() <= kBytesMax, "protobuf reads what is taken");
    return check_taken(*item, parsed);
  }
  const Status& why = item.error();
  if (bytes.size() > kBytesMax) return require(why.code() == Code::too_large, "too large");
  require(!whole, "protobuf doesn't read what is refused");
  require(why.code() == Code::invalid || why.code() == Code::rejected, "a refusal's code");
  require(why.text().find(": ") != std::string::npos, "a refusal names what is wrong");
  require(edge::memory_overhead(item) == 0, "a refusal holds nothing");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::fuzz::check(millrace::fuzz::as_text(data, size));
  return 0;
}
