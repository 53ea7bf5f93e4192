#include "sink/file_sink.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "diplom/v1/diplom.pb.h"
#include "fakes/temp_dir.h"

namespace millrace::sink {
namespace {

using diplom::v1::ProcessingResult;
using fakes::read_file;
using fakes::TempDir;

ProcessingResult make_result(const std::string& id, bool success, const std::string& text) {
  ProcessingResult result;
  result.set_message_id(id);
  result.set_processed_at(1'767'323'045);
  result.set_success(success);
  (success ? *result.mutable_result() : *result.mutable_error()) = text;
  return result;
}

TEST_CASE("FileSink writes a result per line, with every field and the proto names") {
  const TempDir dir;
  FileSink sink({.path = dir / "results.ndjson"});
  REQUIRE(sink.start().ok());
  const std::vector<ProcessingResult> results{make_result("id-1", true, std::string("\0\xffok", 4)),
                                              make_result("id-2", false, "no \"room\"\nleft")};
  REQUIRE(sink.write(results).ok());
  REQUIRE(sink.write({}).ok());
  REQUIRE(sink.flush().ok());
  CHECK(
      read_file(dir / "results.ndjson") ==
      R"({"message_id":"id-1","processed_at":"1767323045","success":true,"error":"","result":"AP9vaw=="})"
      "\n"
      R"({"message_id":"id-2","processed_at":"1767323045","success":false,"error":"no \"room\"\nleft","result":""})"
      "\n");
}

TEST_CASE("FileSink::start names the file it can't open") {
  FileSink sink({.path = "/nonexistent/r"});
  const Status status = sink.start();
  CHECK(status.code() == Code::unavailable);
  CHECK_THAT(status.text(), Catch::Matchers::StartsWith("/nonexistent/r: "));
}

TEST_CASE("FileSink on a full disk says so and takes the batch when there is room again") {
  FileSink sink({.path = "/dev/full"});
  REQUIRE(sink.start().ok());
  const std::vector<ProcessingResult> results{make_result("id-1", true, "x")};
  CHECK(sink.write(results).code() == Code::unavailable);
}

TEST_CASE("FileSink: text that isn't UTF-8 does not stop the batch") {
  const TempDir dir;
  FileSink sink({.path = dir / "r"});
  REQUIRE(sink.start().ok());
  const std::vector<ProcessingResult> results{make_result("id-1", false, "bad \xff\xc3 bytes")};
  REQUIRE(sink.write(results).ok());
  CHECK(fakes::split_lines(read_file(dir / "r")).size() == 1);
  CHECK_THAT(read_file(dir / "r"), Catch::Matchers::Contains(R"("message_id":"id-1")"));
}

TEST_CASE("FileSink::reopen writes to a new file") {
  const TempDir dir;
  FileSink sink({.path = dir / "r"});
  REQUIRE(sink.start().ok());
  const std::vector<ProcessingResult> results{make_result("id-1", true, "x")};
  REQUIRE(sink.write(results).ok());
  std::filesystem::rename(dir / "r", dir / "r.1");
  REQUIRE(sink.reopen().ok());
  REQUIRE(sink.write(results).ok());
  CHECK(read_file(dir / "r") == read_file(dir / "r.1"));
}

}  // namespace
}  // namespace millrace::sink
