// The settings of all executables. Each is declared once, in settings.cpp: name, sentence, default,
// bounds, secret or not, and which executables read it; --help, --check-config, the README's table
// and every error message come from that declaration.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace millrace::config {

enum class Service : std::uint8_t { gateway, ingest, processor, grpc };

// Validated values.
struct Settings {
  std::uint16_t api_port = 8080;
  std::uint16_t ingest_port = 8081;
  std::uint16_t processor_port = 8082;
  std::vector<std::string> ingest_urls;
  std::vector<std::string> processor_urls;
  std::uint32_t processor_workers = 4;
  std::uint32_t queue_size = 1000;
  std::string queue_type = "memory";  // memory, nats, kafka, composite
  std::string handler = "passthrough";
  std::string sink = "none";
  std::string sink_file = "results.ndjson";
  std::uint64_t sink_file_max_bytes = 0;  // rotated beyond; 0: never
  std::string dead_letter_file = "dead-letters.ndjson";
  std::uint32_t max_attempts = 3;
  std::chrono::milliseconds dedupe_window{600'000};
  std::uint32_t dedupe_max = 1'000'000;
  std::chrono::milliseconds shutdown_timeout{30'000};
  std::chrono::milliseconds request_timeout{5'000};   // from a request's arrival to its answer
  std::chrono::milliseconds read_timeout{10'000};     // to receive one request whole
  std::chrono::milliseconds idle_timeout{75'000};     // a kept connection without a request
  std::chrono::milliseconds handler_timeout{30'000};  // a handler running longer is reported stuck
  std::uint32_t max_connections = 20'000;
  std::uint32_t io_threads = 0;  // resolved to the cores when unset
  std::string log_level = "info";
  std::string bind_address = "0.0.0.0";
  bool share_port = false;  // where another process of ours listens
  std::chrono::milliseconds upstream_refresh{1'000};
  std::chrono::milliseconds drain_grace{0};  // less than shutdown_timeout

  std::uint64_t health_queue_warning = 80;     // percent; 0: never, as with all of these
  std::uint64_t health_lag_warning = 100'000;  // messages
  std::uint64_t health_lag_unhealthy = 0;
  std::uint64_t health_memory_warning = 85;  // percent, as with the rest
  std::uint64_t health_memory_unhealthy = 95;
  std::uint64_t health_disk_warning = 85;
  std::uint64_t health_disk_unhealthy = 95;

  std::vector<std::string> nats_urls{"nats://localhost:4222"};
  std::string nats_subject = "diplom.messages";
  std::string nats_stream = "DIPLOM_STREAM";
  std::string nats_dlq_stream = "DIPLOM_DLQ";
  std::string nats_consumer = "processor";
  std::chrono::milliseconds nats_max_age{86'400'000};  // 0: no limit, as with the next two
  std::uint64_t nats_max_messages = 1'000'000;
  std::uint64_t nats_max_bytes = 0;
  std::uint32_t nats_replicas = 1;
  std::chrono::milliseconds nats_ack_wait{30'000};
  std::uint32_t nats_frame_messages = 256;
  std::string nats_user;  // empty: not set, as with all that say who we are
  std::string nats_password;
  std::string nats_token;
  std::string nats_credentials_file;
  std::string nats_tls_ca_file;
  std::string nats_tls_cert_file;
  std::string nats_tls_key_file;

  std::vector<std::string> kafka_brokers{"kafka:29092"};
  std::string kafka_topic = "diplom-messages";
  std::string kafka_consumer_group = "processor-group";
  std::uint32_t kafka_partitions = 4;
  std::uint32_t kafka_replicas = 1;
  std::chrono::milliseconds kafka_session_timeout{10'000};
  std::string kafka_security_protocol = "plaintext";
  std::string kafka_sasl_mechanism = "PLAIN";
  std::string kafka_sasl_username;
  std::string kafka_sasl_password;
  std::string kafka_tls_ca_file;
  std::string kafka_tls_cert_file;
  std::string kafka_tls_key_file;

  std::vector<std::string> composite_providers{"nats", "kafka"};
  std::string composite_strategy = "fail-fast";  // fail-fast, best-effort

  std::uint16_t grpc_port = 50052;
  std::uint16_t grpc_metrics_port = 9095;
  std::uint64_t grpc_max_message_bytes = 4'194'304;
  std::uint32_t grpc_max_streams = 100;  // per connection
  std::uint32_t grpc_max_connections = 1'000;
  std::uint32_t grpc_max_connections_per_peer = 100;
  std::chrono::milliseconds grpc_min_ping_interval{10'000};
  std::uint64_t grpc_memory_quota_bytes = 268'435'456;  // what gRPC itself may hold
  std::uint64_t grpc_memory_max_bytes = 536'870'912;    // resident
  std::chrono::milliseconds grpc_stream_idle_timeout{300'000};
  std::chrono::milliseconds grpc_stream_max_age{0};  // 0: no limit, as with the next
  std::chrono::milliseconds grpc_connection_max_age{0};
  std::string grpc_tls_cert;  // empty: no TLS
  std::string grpc_tls_key;
  std::string grpc_tls_client_ca;
};

// Looks a variable up; nothing when it isn't set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// The process's environment over the `.env` file at `path`, which may be missing. Code::invalid
// with file and line when the file can't be read as NAME=value lines.
Result<Lookup> environment_over_file(const std::string& path);

// Reads and checks what `service` uses. Code::invalid with one line naming the variable, its value
// and what is allowed. An empty value counts as unset.
Result<Settings> load(Service service, const Lookup& lookup);

// The settings page of --help: name, default and sentence of each variable `service` reads.
std::string help(Service service);

// The README's table of all settings, in Markdown.
std::string markdown_table();

// The effective values as NAME=value lines; secrets shown as ***.
std::string effective(Service service, const Lookup& lookup);

}  // namespace millrace::config
