#include "config/brokers.h"

#include <catch2/catch.hpp>

#include "config/test_rules.h"

namespace millrace::config {
namespace {

using Catch::Matchers::Contains;

std::vector<Rule> rules() {
  using S = Settings;
  constexpr auto kI = Service::ingest;
  constexpr auto kP = Service::processor;
  return {
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
      {kI,
       "NATS_FRAME_MESSAGES",
       field(&S::nats_frame_messages),
       {{"1", "1"}, {"1000", "1000"}},
       not_numbers_and({"0", "1001"}),
       "1 to 1000"},
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
      {kP,
       "KAFKA_SESSION_TIMEOUT",
       field(&S::kafka_session_timeout),
       {{"30s", "30000"}, {"6s", "6000"}},
       {"5s", "soon"},
       "6s to 30m"},
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
       {"nats", "nats,nats", "nats,composite", "nats,rabbit", "nats,", "nats, kafka",
        "nats," + std::string(1000, 'x')},
       "two or more of memory, nats, kafka"},
      {kP,
       "COMPOSITE_STRATEGY",
       field(&S::composite_strategy),
       {{"best-effort", "best-effort"}},
       {"both", "fail_fast"},
       "fail-fast, best-effort"},
  };
}

TEST_CASE("each variable of a broker takes what is good and refuses what is bad") {
  check_what_is_good(rules());
  check_what_is_bad(rules());
}

TEST_CASE("the brokers' defaults are those of the struct") { check_defaults(rules()); }

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

}  // namespace
}  // namespace millrace::config
