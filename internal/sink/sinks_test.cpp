#include <catch2/catch.hpp>

#include "diplom/v1/diplom.pb.h"
#include "observe/log.h"
#include "sink/log_sink.h"
#include "sink/none_sink.h"

namespace millrace::sink {
namespace {

std::vector<diplom::v1::ProcessingResult> two_results() {
  std::vector<diplom::v1::ProcessingResult> results(2);
  results[0].set_message_id("id-1");
  results[0].set_success(true);
  results[0].set_result("a payload");
  results[1].set_message_id("id-2");
  results[1].set_error("a payload");
  return results;
}

TEST_CASE("NoneSink counts") {
  NoneSink sink;
  REQUIRE(sink.write(two_results()).ok());
  REQUIRE(sink.write(two_results()).ok());
  REQUIRE(sink.flush().ok());
  CHECK(sink.results() == 4);
}

TEST_CASE("LogSink writes id and success, and nothing that came from a client") {
  std::string lines;
  observe::capture_log(&lines);
  LogSink sink;
  const Status status = sink.write(two_results());
  observe::capture_log(nullptr);
  REQUIRE(status.ok());
  REQUIRE(sink.flush().ok());
  CHECK_THAT(lines, Catch::Matchers::Contains(R"("message_id":"id-1","success":true)"));
  CHECK_THAT(lines, Catch::Matchers::Contains(R"("message_id":"id-2","success":false)"));
  CHECK_THAT(lines, !Catch::Matchers::Contains("payload"));
}

}  // namespace
}  // namespace millrace::sink
