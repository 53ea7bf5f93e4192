#include "config/grpc.h"

#include <catch2/catch.hpp>

#include "config/test_rules.h"

namespace millrace::config {
namespace {

using Catch::Matchers::Contains;

std::vector<Rule> rules() {
  using S = Settings;
  constexpr auto kG = Service::grpc;
  const auto ports = not_numbers_and({"0", "65536"});
  const std::map<std::string, std::string> good_ports = {{"1", "1"}, {"65535", "65535"}};
  return {
      {kG, "GRPC_PORT", field(&S::grpc_port), good_ports, ports, "1 to 65535"},
      {kG, "GRPC_METRICS_PORT", field(&S::grpc_metrics_port), good_ports, ports, "1 to 65535"},
      {kG,
       "GRPC_MAX_MESSAGE_BYTES",
       field(&S::grpc_max_message_bytes),
       {{"1024", "1024"}, {"7340032", "7340032"}},
       not_numbers_and({"1023", "7340033"}),
       "1024 to 7340032"},
      {kG,
       "GRPC_MAX_STREAMS",
       field(&S::grpc_max_streams),
       {{"1", "1"}},
       not_numbers_and({"0", "10001"}),
       "1 to 10000"},
      {kG,
       "GRPC_MAX_CONNECTIONS",
       field(&S::grpc_max_connections),
       {{"1", "1"}},
       not_numbers_and({"0"}),
       "1 to 1000000"},
      {kG,
       "GRPC_MAX_CONNECTIONS_PER_PEER",
       field(&S::grpc_max_connections_per_peer),
       {{"1", "1"}},
       not_numbers_and({"0"}),
       "1 to 1000000"},
      {kG,
       "GRPC_MIN_PING_INTERVAL",
       field(&S::grpc_min_ping_interval),
       {{"10ms", "10"}},
       {"9ms", "x"},
       "10ms to 1h"},
      {kG,
       "GRPC_MEMORY_QUOTA_BYTES",
       field(&S::grpc_memory_quota_bytes),
       {{"16777216", "16777216"}},
       not_numbers_and({"16777215"}),
       "16777216 to"},
      {kG,
       "GRPC_MEMORY_MAX_BYTES",
       field(&S::grpc_memory_max_bytes),
       {{"67108864", "67108864"}},
       not_numbers_and({"67108863"}),
       "67108864 to"},
      {kG,
       "GRPC_STREAM_IDLE_TIMEOUT",
       field(&S::grpc_stream_idle_timeout),
       {{"24h", "86400000"}},
       {"0", "25h"},
       "10ms to 24h"},
      {kG,
       "GRPC_STREAM_MAX_AGE",
       field(&S::grpc_stream_max_age),
       {{"0", "0"}},
       {"25h"},
       "0s to 24h"},
      {kG,
       "GRPC_CONNECTION_MAX_AGE",
       field(&S::grpc_connection_max_age),
       {{"0", "0"}, {"500ms", "500"}},
       {"25h"},
       "0s to 24h"},
  };
}

TEST_CASE("the gRPC server's settings are read and checked", "[config]") {
  check_what_is_good(rules());
  check_what_is_bad(rules());
}

TEST_CASE("the gRPC server's defaults are those of the struct", "[config]") {
  check_defaults(rules());
}

TEST_CASE("certificate and key belong together", "[config]") {
  const auto error = [](const std::map<std::string, std::string>& values) {
    return error_of(Service::grpc, values);
  };
  CHECK_THAT(error({{"GRPC_TLS_CERT", "c"}}), Contains("GRPC_TLS_KEY"));
  CHECK_THAT(error({{"GRPC_TLS_KEY", "k"}}), Contains("GRPC_TLS_CERT"));
  CHECK_THAT(error({{"GRPC_TLS_CLIENT_CA", "a"}}), Contains("needs GRPC_TLS_CERT"));
  CHECK_THAT(error({{"GRPC_PORT", "9095"}}), Contains("GRPC_METRICS_PORT"));
  CHECK_NOTHROW(loaded(
      Service::grpc, {{"GRPC_TLS_CERT", "c"}, {"GRPC_TLS_KEY", "k"}, {"GRPC_TLS_CLIENT_CA", "a"}}));
  CHECK_NOTHROW(loaded(Service::ingest, {{"GRPC_TLS_CERT", "c"}}));
}

}  // namespace
}  // namespace millrace::config
