#include "config/grpc.h"

#include "config/kinds.h"

namespace millrace::config {
namespace {

constexpr Services kGrpc = only(Service::grpc);
// What a hop to the processor takes, with room for the id.
constexpr std::uint64_t kMessageBytesMax = 7'340'032;

}  // namespace

std::vector<Declaration> grpc_declarations() {
  using S = Settings;
  using namespace std::chrono_literals;
  return {
      port("GRPC_PORT", kGrpc, "50052", &S::grpc_port, "Port of the gRPC server."),
      port("GRPC_METRICS_PORT", kGrpc, "9095", &S::grpc_metrics_port,
           "Port of the gRPC server's probes and metrics (HTTP)."),
      number("GRPC_MAX_MESSAGE_BYTES", kGrpc, "4194304", {1'024, kMessageBytesMax},
             &S::grpc_max_message_bytes, "Largest message taken."),
      number("GRPC_MAX_STREAMS", kGrpc, "100", {1, 10'000}, &S::grpc_max_streams,
             "Calls open at once on one connection; more wait at the client."),
      number("GRPC_MAX_CONNECTIONS", kGrpc, "1000", {1, 1'000'000}, &S::grpc_max_connections,
             "Open gRPC connections; more are refused."),
      number("GRPC_MAX_CONNECTIONS_PER_PEER", kGrpc, "100", {1, 1'000'000},
             &S::grpc_max_connections_per_peer, "The same for one client address."),
      duration("GRPC_MIN_PING_INTERVAL", kGrpc, 10s, 10ms, 60min, &S::grpc_min_ping_interval,
               "A client that pings more often loses its connection."),
      number("GRPC_MEMORY_QUOTA_BYTES", kGrpc, "268435456", {16'777'216, 1ULL << 40},
             &S::grpc_memory_quota_bytes, "Memory that gRPC may use for what it receives."),
      number("GRPC_MEMORY_MAX_BYTES", kGrpc, "536870912", {67'108'864, 1ULL << 40},
             &S::grpc_memory_max_bytes,
             "Resident memory beyond which no connection is taken and the worst is closed."),
      duration("GRPC_STREAM_IDLE_TIMEOUT", kGrpc, 5min, 10ms, 24h, &S::grpc_stream_idle_timeout,
               "A stream ends after it without a message, or with answers that aren't read."),
      duration("GRPC_STREAM_MAX_AGE", kGrpc, 0s, 0ms, 24h, &S::grpc_stream_max_age,
               "A stream ends after it; 0 for never."),
      duration("GRPC_CONNECTION_MAX_AGE", kGrpc, 0s, 0ms, 24h, &S::grpc_connection_max_age,
               "About then a client is told to go on over a new connection; 0 for never."),
      optional_file(
          "GRPC_TLS_CERT", kGrpc, &S::grpc_tls_cert,
          "Certificate chain (PEM) that the gRPC server shows; read again when it changes."),
      optional_file("GRPC_TLS_KEY", kGrpc, &S::grpc_tls_key, "Its private key (PEM)."),
      optional_file("GRPC_TLS_CLIENT_CA", kGrpc, &S::grpc_tls_client_ca,
                    "Certificates (PEM) that must have signed a client's: mutual TLS."),
  };
}

Status check_grpc(const Settings& settings) {
  const bool cert = !settings.grpc_tls_cert.empty();
  if (cert != !settings.grpc_tls_key.empty()) {
    return {Code::invalid, "GRPC_TLS_CERT and GRPC_TLS_KEY belong together: only one is set"};
  }
  if (!settings.grpc_tls_client_ca.empty() && !cert) {
    return {Code::invalid, "GRPC_TLS_CLIENT_CA needs GRPC_TLS_CERT and GRPC_TLS_KEY"};
  }
  if (settings.grpc_port == settings.grpc_metrics_port) {
    return {Code::invalid,
            "GRPC_PORT and GRPC_METRICS_PORT are the same: " + std::to_string(settings.grpc_port)};
  }
  return {};
}

}  // namespace millrace::config
