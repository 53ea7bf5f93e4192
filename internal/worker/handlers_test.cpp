#include "worker/handlers.h"

#include <catch2/catch.hpp>

#include "diplom/v1/diplom.pb.h"
#include "worker/exception_barrier.h"

namespace millrace::worker {
namespace {

diplom::v1::DataMessage message_with(const std::string& payload, const std::string& fault = {}) {
  diplom::v1::DataMessage message;
  message.set_payload(payload);
  if (!fault.empty()) (*message.mutable_metadata())["fault"] = fault;
  return message;
}

Outcome run(std::string_view name, const diplom::v1::DataMessage& message,
            std::uint32_t attempt = 1) {
  const auto handler = make_handler(name);
  ExceptionBarrier barrier(*handler);
  std::stop_source stopped;
  stopped.request_stop();
  return barrier.handle(message, {.attempt = attempt, .deadline = {}, .stop = stopped.get_token()});
}

TEST_CASE("make_handler knows its names only") {
  CHECK(make_handler("passthrough") != nullptr);
  CHECK(make_handler("checksum") != nullptr);
  CHECK(make_handler("faulty") != nullptr);
  CHECK(make_handler("Passthrough") == nullptr);
  CHECK(make_handler("") == nullptr);
}

TEST_CASE("passthrough: the result is the payload") {
  const std::string bytes("\0\xff x", 4);
  CHECK(std::get<Done>(run("passthrough", message_with(bytes))).result == bytes);
}

TEST_CASE("checksum: the CRC-32 of the payload four times over") {
  // Of "123456789123456789123456789123456789", as zlib has it.
  CHECK(std::get<Done>(run("checksum", message_with("123456789"))).result == "3e29169c");
  CHECK(std::get<Done>(run("checksum", message_with(""))).result == "00000000");
}

TEST_CASE("faulty: without a fault it passes through") {
  CHECK(std::get<Done>(run("faulty", message_with("x"))).result == "x");
}

TEST_CASE("faulty: each fault does what its name says") {
  CHECK(std::get<RetryLater>(run("faulty", message_with("x", "throw"))).why ==
        "the handler threw: a fault was asked for");
  CHECK(std::holds_alternative<RetryLater>(run("faulty", message_with("x", "retry"), 9)));
  CHECK(std::holds_alternative<Reject>(run("faulty", message_with("x", "reject"))));
  CHECK(std::holds_alternative<RetryLater>(run("faulty", message_with("x", "retry-until:3"), 2)));
  CHECK(std::holds_alternative<Done>(run("faulty", message_with("x", "retry-until:3"), 3)));
  CHECK(std::holds_alternative<Done>(run("faulty", message_with("x", "slow:1"))));
  CHECK(std::holds_alternative<Done>(run("faulty", message_with("x", "slow:600000"))));
}

TEST_CASE("faulty: a fault it doesn't know is a reject") {
  for (const char* fault : {"explode", "slow:", "slow:x", "slow:1x", "retry-until", "slow:-1"}) {
    CAPTURE(fault);
    CHECK(std::holds_alternative<Reject>(run("faulty", message_with("x", fault))));
  }
}

}  // namespace
}  // namespace millrace::worker
