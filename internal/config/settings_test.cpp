#include "config/settings.h"

#include <catch2/catch.hpp>
#include <thread>

#include "config/test_rules.h"

namespace millrace::config {
namespace {

using Catch::Matchers::Contains;

constexpr auto kServices = {Service::gateway, Service::ingest, Service::processor, Service::grpc};

std::vector<Rule> rules() {
  using S = Settings;
  constexpr auto kG = Service::gateway;
  constexpr auto kI = Service::ingest;
  constexpr auto kP = Service::processor;
  const auto ports = not_numbers_and({"8080x", "0", "65536", "18446744073709551617"});
  const std::map<std::string, std::string> good_ports = {{"1", "1"}, {"65535", "65535"}};
  const std::map<std::string, std::string> good_urls = {
      {"http://a", "http://a "}, {"http://a:1,http://[::1]:2", "http://a:1 http://[::1]:2 "}};
  const std::vector<std::string> bad_urls = {"a:1", "https://a", "http://a,", "http://a:0"};
  const std::vector<std::string> bad_durations = {"x", "-1s", "1d", "1.5s", "9ms", "9999999999m"};
  return {
      {kG, "API_PORT", field(&S::api_port), good_ports, ports, "1 to 65535"},
      {kI, "INGEST_PORT", field(&S::ingest_port), good_ports, ports, "1 to 65535"},
      {kP, "PROCESSOR_PORT", field(&S::processor_port), good_ports, ports, "1 to 65535"},
      {kG, "INGEST_URL", field(&S::ingest_urls), good_urls, bad_urls, "http://host[:port]"},
      {kG, "PROCESSOR_URL", field(&S::processor_urls), good_urls, bad_urls, "http://host[:port]"},
      {kI, "PROCESSOR_URL", field(&S::processor_urls), good_urls, bad_urls, "http://host[:port]"},
      {kP,
       "PROCESSOR_WORKERS",
       field(&S::processor_workers),
       {{"1", "1"}, {"256", "256"}},
       not_numbers_and({"0", "257"}),
       "1 to 256"},
      {kP,
       "QUEUE_SIZE",
       field(&S::queue_size),
       {{"1", "1"}, {"10000000", "10000000"}},
       not_numbers_and({"0", "10000001", "4294967297"}),
       "1 to 10000000"},
      {kI,
       "QUEUE_TYPE",
       field(&S::queue_type),
       {{"memory", "memory"}, {"nats", "nats"}},
       {"Memory", "rabbit", "memory ", "nats,kafka", "Kafka"},
       "memory, nats, kafka, composite"},
      {kP,
       "QUEUE_TYPE",
       field(&S::queue_type),
       {{"nats", "nats"}, {"kafka", "kafka"}, {"composite", "composite"}},
       {"Nats"},
       "memory, nats, kafka, composite"},
      {kP,
       "HANDLER",
       field(&S::handler),
       {{"passthrough", "passthrough"}, {"checksum", "checksum"}, {"faulty", "faulty"}},
       {"none", "passthrough,checksum"},
       "passthrough, checksum, faulty"},
      {kP,
       "SINK",
       field(&S::sink),
       {{"none", "none"}, {"log", "log"}, {"file", "file"}},
       {"files", "FILE"},
       "none, log, file"},
      {kP,
       "SINK_FILE",
       field(&S::sink_file),
       {{"/a b/ä", "/a b/ä"}},
       {"a\nb", std::string(4096, 'x')},
       "up to 4095 bytes"},
      {kP,
       "SINK_FILE_MAX_BYTES",
       field(&S::sink_file_max_bytes),
       {{"0", "0"}, {"1099511627776", "1099511627776"}},
       not_numbers_and({"1099511627777"}),
       "0 to 1099511627776"},
      {kP,
       "DEAD_LETTER_FILE",
       field(&S::dead_letter_file),
       {{"d", "d"}},
       {"\x1b"},
       "up to 4095 bytes"},
      {kP,
       "MAX_ATTEMPTS",
       field(&S::max_attempts),
       {{"1", "1"}, {"100", "100"}},
       not_numbers_and({"0", "101"}),
       "1 to 100"},
      {kI,
       "DEDUPE_WINDOW",
       field(&S::dedupe_window),
       {{"0", "0"}, {"24h", "86400000"}},
       {"x", "25h"},
       "0s to 24h"},
      {kP,
       "DEDUPE_MAX",
       field(&S::dedupe_max),
       {{"2", "2"}},
       not_numbers_and({"0", "1", "100000001"}),
       "2 to 100000000"},
      {kP,
       "HANDLER_TIMEOUT",
       field(&S::handler_timeout),
       {{"10ms", "10"}, {"60m", "3600000"}, {"1h", "3600000"}},
       bad_durations,
       "10ms to 1h"},
      {kG,
       "REQUEST_TIMEOUT",
       field(&S::request_timeout),
       {{"500ms", "500"}, {"10m", "600000"}},
       bad_durations,
       "10ms to 10m"},
      {kI,
       "READ_TIMEOUT",
       field(&S::read_timeout),
       {{"30s", "30000"}, {"600", "600000"}},
       bad_durations,
       "10ms to 10m"},
      {kP,
       "IDLE_TIMEOUT",
       field(&S::idle_timeout),
       {{"2m", "120000"}},
       bad_durations,
       "10ms to 1h"},
      {kG,
       "SHUTDOWN_TIMEOUT",
       field(&S::shutdown_timeout),
       {{"1", "1000"}},
       bad_durations,
       "10ms to 10m"},
      {kG,
       "MAX_CONNECTIONS",
       field(&S::max_connections),
       {{"1", "1"}, {"1000000", "1000000"}},
       not_numbers_and({"0", "1000001"}),
       "1 to 1000000"},
      {kI,
       "IO_THREADS",
       field(&S::io_threads),
       {{"1", "1"}, {"256", "256"}},
       not_numbers_and({"0", "257"}),
       "1 to 256"},
      {kP,
       "LOG_LEVEL",
       field(&S::log_level),
       {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}},
       {"INFO", "trace", "off", "2"},
       "debug, info, warn, error"},
      {kG,
       "BIND_ADDRESS",
       field(&S::bind_address),
       {{"127.0.0.1", "127.0.0.1"}, {"::", "::"}},
       {"localhost", "[::]", "1.2.3.4:80"},
       "an IPv4 or IPv6 address"},
      {kG,
       "UPSTREAM_REFRESH",
       field(&S::upstream_refresh),
       {{"100ms", "100"}, {"1m", "60000"}},
       {"99ms", "61s", "x"},
       "100ms to 1m"},
      {kP,
       "DRAIN_GRACE",
       field(&S::drain_grace),
       {{"0", "0"}, {"29s", "29000"}},
       {"x", "-1s", "11m"},
       "0s to 10m"},
      {kI,
       "SHARE_PORT",
       field(&S::share_port),
       {{"true", "1"}, {"false", "0"}},
       {"yes", "1", "TRUE"},
       "true, false"},
  };
}

TEST_CASE("each variable takes what is good") { check_what_is_good(rules()); }

TEST_CASE("each variable refuses what is bad in a line with its name and what is allowed") {
  check_what_is_bad(rules());
}

TEST_CASE("errors read like this") {
  CHECK(error_of(Service::gateway, {{"API_PORT", "8080x"}}) ==
        "API_PORT=8080x: not a port (allowed: 1 to 65535)");
  CHECK(error_of(Service::processor, {{"QUEUE_TYPE", "rabbit"}}) ==
        "QUEUE_TYPE=rabbit: not known (allowed: memory, nats, kafka, composite)");
  CHECK(error_of(Service::processor, {{"QUEUE_SIZE", "0"}}) ==
        "QUEUE_SIZE=0: out of range (allowed: 1 to 10000000)");
  CHECK(error_of(Service::processor, {{"READ_TIMEOUT", "soon"}}) ==
        "READ_TIMEOUT=soon: not a duration (allowed: 10ms to 10m, as 500ms, 30s, 2m, 24h or "
        "whole seconds)");
}

TEST_CASE("the grace of a drain is part of the drain") {
  const Environment too_long = {{"DRAIN_GRACE", "5s"}, {"SHUTDOWN_TIMEOUT", "5s"}};
  for (const Service service : kServices) {
    CHECK(error_of(service, too_long) ==
          "DRAIN_GRACE=5s: must be less than SHUTDOWN_TIMEOUT, which is 5s");
  }
  CHECK_NOTHROW(loaded(Service::ingest, {{"DRAIN_GRACE", "4999ms"}, {"SHUTDOWN_TIMEOUT", "5s"}}));
}

TEST_CASE("a bad value is escaped and cut in its error") {
  CHECK_THAT(error_of(Service::gateway, {{"API_PORT", "1\n\x1b[31m"}}),
             Catch::StartsWith(R"(API_PORT=1\x0a\x1b[31m: not a port)"));
  CHECK_THAT(error_of(Service::gateway, {{"API_PORT", std::string(80, '9')}}),
             Catch::StartsWith("API_PORT=" + std::string(80, '9') + ": not a port"));
  CHECK_THAT(error_of(Service::gateway, {{"API_PORT", std::string(81, '9')}}),
             Catch::StartsWith("API_PORT=" + std::string(80, '9') + "...: not a port"));
  CHECK_THAT(error_of(Service::gateway, {{"INGEST_URL", "http://user:hunter2@host"}}),
             !Contains("hunter2") && !Contains("user"));
}

TEST_CASE("the defaults are those of the struct") {
  const Settings expected;
  const Settings gateway = loaded(Service::gateway, {});
  CHECK(gateway.api_port == expected.api_port);
  CHECK(gateway.ingest_urls == std::vector<std::string>{"http://localhost:8081"});
  CHECK(gateway.processor_urls == std::vector<std::string>{"http://localhost:8082"});
  CHECK(loaded(Service::ingest, {}).ingest_port == expected.ingest_port);
  check_defaults(rules());
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  CHECK(gateway.io_threads == std::min(cores, 256U));
}

TEST_CASE("an empty value counts as unset") {
  CHECK(loaded(Service::gateway, {{"API_PORT", ""}}).api_port == 8080);
  CHECK(loaded(Service::processor, {{"SINK_FILE", ""}}).sink_file == "results.ndjson");
}

TEST_CASE("what a service doesn't read can't stop it") {
  const Environment of_others = {{"INGEST_PORT", "x"}, {"PROCESSOR_PORT", "x"}, {"SINK", "x"}};
  CHECK_NOTHROW(loaded(Service::gateway, of_others));
  CHECK_NOTHROW(loaded(Service::gateway, {{"NATS_URL", "x"}, {"COMPOSITE_STRATEGY", "?"}}));
  CHECK_NOTHROW(loaded(Service::ingest, {{"GRPC_PORT", "x"}}));
  for (const Service service : kServices) {
    CHECK_NOTHROW(loaded(service, {{"SOMETHING_ELSE", "x"}}));
  }
}

}  // namespace
}  // namespace millrace::config
