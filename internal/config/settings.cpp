#include "config/settings.h"

#include <algorithm>
#include <thread>

#include "config/brokers.h"
#include "config/grpc.h"
#include "config/health.h"
#include "config/kinds.h"

namespace millrace::config {
namespace {

constexpr Services kGateway = only(Service::gateway);
constexpr Services kIngest = only(Service::ingest);
constexpr Services kProcessor = only(Service::processor);
constexpr Services kGrpc = only(Service::grpc);
constexpr Services kAll = kGateway | kIngest | kProcessor | kGrpc;
constexpr Services kPublishers = kIngest | kGrpc;

Declaration file(std::string_view name, std::string fallback, std::string Settings::*field,
                 std::string_view sentence) {
  return text(name, kProcessor, std::move(fallback), is_path, "not a file's path",
              "up to 4095 bytes, no control characters", field, sentence);
}

Declaration io_threads() {
  const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
  Declaration declaration = number("IO_THREADS", kAll, std::to_string(cores), {1, 256},
                                   &Settings::io_threads, "Threads that serve connections.");
  declaration.fallback_words = "the cores";
  return declaration;
}

// Words that a later build will take get an answer of their own: they aren't typing errors.
std::vector<Declaration> make_declarations() {
  using S = Settings;
  using namespace std::chrono_literals;
  return {
      port("API_PORT", kGateway, "8080", &S::api_port, "Port of the gateway."),
      port("INGEST_PORT", kIngest, "8081", &S::ingest_port, "Port of ingest."),
      port("PROCESSOR_PORT", kProcessor, "8082", &S::processor_port, "Port of the processor."),
      text("BIND_ADDRESS", kAll, "0.0.0.0", is_ip_address, "not an address",
           "an IPv4 or IPv6 address", &S::bind_address, "Address to listen on."),
      flag("SHARE_PORT", kAll, false, &S::share_port,
           "May listen on a port where another process of ours, of the same user, does: set it on "
           "both, so that either may come second."),
      urls("INGEST_URL", kGateway, "http://localhost:8081", &S::ingest_urls,
           "Where ingest listens; a list is balanced over."),
      urls("PROCESSOR_URL", kGateway | kPublishers, "http://localhost:8082", &S::processor_urls,
           "Where the processor listens; a list is balanced over."),
      duration("UPSTREAM_REFRESH", kGateway | kPublishers, 1s, 100ms, 1min, &S::upstream_refresh,
               "How often the names in these URLs are looked up; all their addresses are used."),
      word("QUEUE_TYPE", kPublishers | kProcessor, "memory",
           {"memory", "nats", "kafka", "composite"}, &S::queue_type,
           "The queue between ingest and processor."),
      number("QUEUE_SIZE", kProcessor, "1000", {1, 10'000'000}, &S::queue_size,
             "Capacity of the memory queue, in messages."),
      number("PROCESSOR_WORKERS", kProcessor, "4", {1, 256}, &S::processor_workers,
             "Threads that work messages off."),
      word("HANDLER", kProcessor, "passthrough", {"passthrough", "checksum", "faulty"}, &S::handler,
           "What is done with a message; faulty fails on purpose, for tests."),
      duration("HANDLER_TIMEOUT", kProcessor, 30s, 10ms, 60min, &S::handler_timeout,
               "A handler that runs longer is reported as stuck."),
      number("MAX_ATTEMPTS", kProcessor, "3", {1, 100}, &S::max_attempts,
             "Attempts at a message before it becomes a dead letter."),
      duration("DEDUPE_WINDOW", kPublishers | kProcessor, 10min, 0ms, 24h, &S::dedupe_window,
               "How long a repeated id or Idempotency-Key is known, at least; 0 for not at all."),
      number("DEDUPE_MAX", kPublishers | kProcessor, "1000000", {2, 100'000'000}, &S::dedupe_max,
             "Most ids, or keys, that are known."),
      word("SINK", kProcessor, "none", {"none", "log", "file"}, &S::sink, "Where results go."),
      file("SINK_FILE", "results.ndjson", &S::sink_file, "File of the file sink."),
      number("SINK_FILE_MAX_BYTES", kProcessor, "0", {0, 1ULL << 40}, &S::sink_file_max_bytes,
             "Size from which the sink's file is rotated; 0 for never."),
      file("DEAD_LETTER_FILE", "dead-letters.ndjson", &S::dead_letter_file,
           "File of the messages that were given up."),
      duration("REQUEST_TIMEOUT", kAll, 5s, 10ms, 10min, &S::request_timeout,
               "From a request's arrival to its answer."),
      duration("READ_TIMEOUT", kAll, 10s, 10ms, 10min, &S::read_timeout,
               "To receive one request whole."),
      duration("IDLE_TIMEOUT", kAll, 75s, 10ms, 60min, &S::idle_timeout,
               "A kept connection without a request is closed after it."),
      duration("SHUTDOWN_TIMEOUT", kAll, 30s, 10ms, 10min, &S::shutdown_timeout,
               "To finish what is in flight after SIGTERM."),
      duration("DRAIN_GRACE", kAll, 0s, 0ms, 10min, &S::drain_grace,
               "Of that, how long an idle connection stays open for one more request."),
      number("MAX_CONNECTIONS", kAll, "20000", {1, 1'000'000}, &S::max_connections,
             "Open connections; more are refused."),
      io_threads(),
      word("LOG_LEVEL", kAll, "info", {"debug", "info", "warn", "error"}, &S::log_level,
           "The least important lines that are logged."),
  };
}

Status check_drain(const Settings& settings) {
  if (settings.drain_grace < settings.shutdown_timeout) return {};
  return {Code::invalid, "DRAIN_GRACE=" + duration_text(settings.drain_grace) +
                             ": must be less than SHUTDOWN_TIMEOUT, which is " +
                             duration_text(settings.shutdown_timeout)};
}

}  // namespace

const std::vector<Declaration>& declarations() {
  static const std::vector<Declaration> all = [] {
    std::vector<Declaration> every = make_declarations();
    for (Declaration& limit : health_declarations()) every.push_back(std::move(limit));
    for (Declaration& broker : broker_declarations()) every.push_back(std::move(broker));
    for (Declaration& grpc : grpc_declarations()) every.push_back(std::move(grpc));
    return every;
  }();
  return all;
}

Result<Settings> load(Service service, const Lookup& lookup) {
  Settings settings;
  for (const Declaration& declaration : declarations()) {
    if (!declaration.read_by(service)) continue;
    Status status = set_from(declaration, lookup, settings);
    if (!status.ok()) return status;
  }
  if (Status status = check_health(settings); !status.ok()) return status;
  if (Status status = check_drain(settings); !status.ok()) return status;
  if (service == Service::grpc) {
    if (Status status = check_grpc(settings); !status.ok()) return status;
  }
  return settings;
}

}  // namespace millrace::config
