#include "config/settings.h"

#include <catch2/catch.hpp>
#include <map>
#include <thread>

namespace millrace::config {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Environment = std::map<std::string, std::string>;

constexpr auto kServices = {Service::gateway, Service::ingest, Service::processor};

Lookup from(const Environment& environment) {
  return [environment](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
}

Settings loaded(Service service, const Environment& environment) {
  return load(service, from(environment)).value();
}

std::string error_of(Service service, const Environment& environment) {
  const auto result = load(service, from(environment));
  if (result) return "accepted";
  CHECK(result.error().code() == Code::invalid);
  return result.error().text();
}

// Which value of a variable is taken and which isn't; `read` gives the value as text.
struct Rule {
  Service service;
  std::string name;
  std::function<std::string(const Settings&)> read;
  std::map<std::string, std::string> good;  // value and what is read
  std::vector<std::string> bad;
  std::string allowed;  // what an error must say
};

template <class T>
std::function<std::string(const Settings&)> field(T Settings::*member) {
  return [member](const Settings& settings) -> std::string {
    if constexpr (std::is_same_v<T, std::string>) {
      return settings.*member;
    } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
      return std::to_string((settings.*member).count());
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      std::string all;
      for (const std::string& one : settings.*member) all.append(one).append(" ");
      return all;
    } else {
      return std::to_string(settings.*member);
    }
  };
}

const std::vector<std::string> kNotNumbers = {"x", " 1", "1 ", "+1", "-1", "0x10", "1.5", "1e2"};

std::vector<std::string> not_numbers_and(std::vector<std::string> more) {
  more.insert(more.end(), kNotNumbers.begin(), kNotNumbers.end());
  return more;
}

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
       {{"memory", "memory"}, {"composite", "composite"}},
       {"Memory", "rabbit", "memory ", "nats,kafka"},
       "memory, nats, kafka, composite"},
      {kP,
       "QUEUE_TYPE",
       field(&S::queue_type),
       {{"nats", "nats"}, {"kafka", "kafka"}},
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
      {kI,
       "NATS_URL",
       field(&S::nats_urls),
       {{"nats://a:1,tls://u:p@[::1]", "nats://a:1 tls://u:p@[::1] "}},
       {"a:4222", "http://a", "nats://", "nats://a:x", "nats://a,", "nats://a b"},
       "nats:// or tls://"},
      {kP,
       "NATS_SUBJECT",
       field(&S::nats_subject),
       {{"a.b", "a.b"}},
       {"a b", "a.*", ">", ".a", "a.", "a..b", std::string(256, 'x')},
       "up to 255 bytes"},
      {kI,
       "NATS_STREAM",
       field(&S::nats_stream),
       {{"S_1-x", "S_1-x"}},
       {"a.b", "a b", std::string(256, 'x')},
       "1 to 255 letters"},
      {kI,
       "NATS_DLQ_STREAM",
       field(&S::nats_dlq_stream),
       {{"D", "D"}},
       {"a.b"},
       "1 to 255 letters"},
      {kI, "NATS_CONSUMER", field(&S::nats_consumer), {{"c", "c"}}, {"a.b"}, "1 to 255 letters"},
      {kI,
       "NATS_MAX_AGE",
       field(&S::nats_max_age),
       {{"0", "0"}, {"24h", "86400000"}},
       {"x", "1d", "8761h"},
       "0s to 8760h"},
      {kI,
       "NATS_MAX_MESSAGES",
       field(&S::nats_max_messages),
       {{"0", "0"}, {"1099511627776", "1099511627776"}},
       not_numbers_and({"1099511627777"}),
       "0 to 1099511627776"},
      {kI, "NATS_MAX_BYTES", field(&S::nats_max_bytes), {{"0", "0"}}, kNotNumbers, "0 to "},
      {kI,
       "NATS_REPLICAS",
       field(&S::nats_replicas),
       {{"5", "5"}},
       not_numbers_and({"0", "6"}),
       "1 to 5"},
      {kP,
       "NATS_ACK_WAIT",
       field(&S::nats_ack_wait),
       {{"500ms", "500"}},
       {"499ms", "2h", "x"},
       "500ms to 1h"},
      {kI, "NATS_USER", field(&S::nats_user), {{"u", "u"}}, {"a\nb"}, "up to 4096 bytes"},
      {kI, "NATS_PASSWORD", field(&S::nats_password), {{"p w", "p w"}}, {"a\nb"}, "up to 4096"},
      {kI, "NATS_TOKEN", field(&S::nats_token), {{"t", "t"}}, {"a\nb"}, "up to 4096 bytes"},
      {kI,
       "KAFKA_BROKERS",
       field(&S::kafka_brokers),
       {{"a:1,[::1]:2", "a:1 [::1]:2 "}},
       {"a", "http://a:1", "a:1,", "a:0", "a:1/"},
       "host:port"},
      {kP,
       "KAFKA_TOPIC",
       field(&S::kafka_topic),
       {{"a.b-c_d", "a.b-c_d"}},
       {"a b", "ä", "..", std::string(241, 'x')},
       "1 to 240 letters"},
      {kP,
       "KAFKA_CONSUMER_GROUP",
       field(&S::kafka_consumer_group),
       {{"g", "g"}},
       {"a b"},
       "1 to 240 letters"},
      {kI,
       "KAFKA_PARTITIONS",
       field(&S::kafka_partitions),
       {{"1", "1"}},
       not_numbers_and({"0", "10001"}),
       "1 to 10000"},
      {kI,
       "KAFKA_REPLICAS",
       field(&S::kafka_replicas),
       {{"3", "3"}},
       not_numbers_and({"0", "16"}),
       "1 to 15"},
      {kI,
       "KAFKA_SECURITY_PROTOCOL",
       field(&S::kafka_security_protocol),
       {{"ssl", "ssl"}, {"sasl_ssl", "sasl_ssl"}},
       {"SSL", "tls"},
       "plaintext, ssl, sasl_plaintext, sasl_ssl"},
      {kI,
       "KAFKA_SASL_MECHANISM",
       field(&S::kafka_sasl_mechanism),
       {{"SCRAM-SHA-512", "SCRAM-SHA-512"}},
       {"plain"},
       "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
      {kI,
       "COMPOSITE_PROVIDERS",
       field(&S::composite_providers),
       {{"kafka,nats", "kafka nats "}, {"memory,nats,kafka", "memory nats kafka "}},
       {"nats", "nats,nats", "nats,composite", "nats,rabbit", "nats,", "nats, kafka"},
       "two or more of memory, nats, kafka"},
      {kP,
       "COMPOSITE_STRATEGY",
       field(&S::composite_strategy),
       {{"best-effort", "best-effort"}},
       {"both", "fail_fast"},
       "fail-fast, best-effort"},
      {kG,
       "BIND_ADDRESS",
       field(&S::bind_address),
       {{"127.0.0.1", "127.0.0.1"}, {"::", "::"}},
       {"localhost", "[::]", "1.2.3.4:80"},
       "an IPv4 or IPv6 address"},
  };
}

TEST_CASE("each variable takes what is good") {
  for (const Rule& rule : rules()) {
    for (const auto& [value, expected] : rule.good) {
      CAPTURE(rule.name, value);
      CHECK(rule.read(loaded(rule.service, {{rule.name, value}})) == expected);
    }
  }
}

TEST_CASE("each variable refuses what is bad in a line with its name and what is allowed") {
  for (const Rule& rule : rules()) {
    for (const std::string& value : rule.bad) {
      CAPTURE(rule.name, value);
      const std::string error = error_of(rule.service, {{rule.name, value}});
      CHECK_THAT(error,
                 Catch::StartsWith(rule.name + "=") && Contains("(allowed: " + rule.allowed));
      CHECK(error.find('\n') == std::string::npos);
      CHECK(error.size() < 300);
    }
  }
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

TEST_CASE("a wrong list of providers says what is wrong with it") {
  const auto wrong = [](const std::string& providers) {
    return error_of(Service::ingest, {{"COMPOSITE_PROVIDERS", providers}});
  };
  CHECK_THAT(wrong("nats"), Contains("one provider is no composite"));
  CHECK_THAT(wrong("nats,nats"), Contains("'nats' is there twice"));
  CHECK_THAT(wrong("nats,rabbit"), Contains("'rabbit' is not known"));
  CHECK_THAT(wrong("nats,composite"), Contains("a composite can't be part of a composite"));
}

TEST_CASE("what says who we are is shown by nobody") {
  const Environment secrets = {{"NATS_PASSWORD", "hunter2"},
                               {"NATS_TOKEN", "hunter2"},
                               {"KAFKA_SASL_PASSWORD", "hunter2"},
                               {"NATS_URL", "nats://u:hunter2@localhost"}};
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = secrets.find(std::string(name));
    return found == secrets.end() ? std::nullopt : std::optional(found->second);
  };
  const std::string shown = effective(Service::ingest, lookup);
  CHECK_THAT(shown, !Contains("hunter2"));
  CHECK_THAT(shown, Contains("NATS_PASSWORD=***\n"));
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
  for (const Rule& rule : rules()) {
    if (rule.name.ends_with("_URL") || rule.name == "IO_THREADS") continue;
    CAPTURE(rule.name);
    CHECK(rule.read(loaded(rule.service, {})) == rule.read(expected));
  }
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
  const Environment of_later_parts = {{"GRPC_PORT", "x"}, {"SOMETHING_ELSE", "x"}};
  for (const Service service : kServices) CHECK_NOTHROW(loaded(service, of_later_parts));
}

}  // namespace
}  // namespace millrace::config
