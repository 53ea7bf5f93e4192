#include "edge/batch/batch_route.h"

#include <optional>

#include "edge/answers.h"
#include "edge/batch/batch_sink.h"
#include "http/problem.h"
#include "http/unpacker.h"

namespace millrace::edge {
namespace {

using http::Request;

std::optional<BatchSplitter::Form> form_of(const Request& request) {
  if (has_content_type(request, "application/x-ndjson")) return BatchSplitter::Form::lines;
  if (is_json(request)) return BatchSplitter::Form::array;
  return std::nullopt;
}

std::shared_ptr<http::BodySink> begin(const MakeSendPiece& make_send, const Request& request,
                                      http::Reply reply, http::Resume resume) {
  const auto form = form_of(request);
  if (!form) {
    std::move(reply).send(
        unsupported_media_type(request, "application/x-ndjson or application/json"));
    return nullptr;
  }
  const std::string_view coding = request.header("Content-Encoding");
  if (coding.empty() || http::iequals(coding, "identity")) {
    return std::make_shared<BatchSink>(*form, make_send(request), std::move(reply),
                                       std::move(resume), std::string(request.request_id));
  }
  auto decoder = http::make_decoder(coding);
  if (decoder == nullptr) {
    std::move(reply).send(
        http::problem(415, "Content-Encoding must be gzip, zstd or identity", request.request_id));
    return nullptr;
  }
  const auto unpacker = http::Unpacker::make(std::move(decoder), kBatchBytesMax, std::move(resume));
  if (unpacker == nullptr) {
    std::move(reply).send(http::problem(
        {Code::full, "too many packed bodies are being unpacked, try again or send it plain"},
        request.request_id));
    return nullptr;
  }
  const auto sink =
      std::make_shared<BatchSink>(*form, make_send(request), std::move(reply), unpacker->resume(),
                                  std::string(request.request_id));
  unpacker->unpack_for(sink, [sink](const Status& why) { sink->break_off(why); });
  return unpacker;
}

}  // namespace

http::Route batch_route(std::string path, MakeSendPiece make_send) {
  http::Route route;
  route.name = "ingest_batch";
  route.method = http::Method::post;
  route.path = std::move(path);
  route.body_bytes_max = kBatchBytesMax;
  route.stream = [make_send = std::move(make_send)](const Request& request, http::Reply reply,
                                                    http::Resume resume) {
    return begin(make_send, request, std::move(reply), std::move(resume));
  };
  return route;
}

}  // namespace millrace::edge
