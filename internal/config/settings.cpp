#include "config/settings.h"

#include <algorithm>
#include <initializer_list>
#include <thread>

#include "config/declaration.h"
#include "config/values.h"

namespace millrace::config {
namespace {

using std::chrono::milliseconds;

constexpr Services kGateway = only(Service::gateway);
constexpr Services kIngest = only(Service::ingest);
constexpr Services kProcessor = only(Service::processor);
constexpr Services kAll = kGateway | kIngest | kProcessor;

struct Range {
  std::uint64_t min;
  std::uint64_t max;
};

template <class T>
Declaration number(std::string_view name, Services services, std::string fallback, Range range,
                   T Settings::*field, std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    const auto parsed = parse_number(value);
    if (!parsed) return "not a whole number";
    if (*parsed < range.min || *parsed > range.max) return "out of range";
    settings.*field = static_cast<T>(*parsed);
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = std::to_string(range.min) + " to " + std::to_string(range.max),
          .sentence = sentence,
          .set = set};
}

Declaration port(std::string_view name, Services services, std::string fallback,
                 std::uint16_t Settings::*field, std::string_view sentence) {
  Declaration declaration =
      number(name, services, std::move(fallback), {1, 65535}, field, sentence);
  declaration.set = [set = declaration.set](std::string_view value, Settings& settings) {
    auto wrong = set(value, settings);
    if (wrong) *wrong = "not a port";
    return wrong;
  };
  return declaration;
}

Declaration duration(std::string_view name, Services services, milliseconds fallback,
                     milliseconds min, milliseconds max, milliseconds Settings::*field,
                     std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    const auto parsed = parse_duration(value);
    if (!parsed) return "not a duration";
    if (*parsed < min || *parsed > max) return "out of range";
    settings.*field = *parsed;
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = duration_text(fallback),
          .allowed = duration_text(min) + " to " + duration_text(max) +
                     ", as 500ms, 30s, 2m or whole seconds",
          .sentence = sentence,
          .set = set};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

Declaration word(std::string_view name, Services services, std::string fallback,
                 std::vector<std::string> words, std::string Settings::*field,
                 std::string_view sentence) {
  std::string allowed = joined(words);
  const auto set = [words = std::move(words), field](
                       std::string_view value, Settings& settings) -> std::optional<std::string> {
    if (std::find(words.begin(), words.end(), value) == words.end()) return "not known";
    settings.*field = value;
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = std::move(allowed),
          .sentence = sentence,
          .set = set};
}

// Words that a later build will take get an answer of their own: they aren't typing errors.
Declaration queue_type() {
  Declaration declaration = word("QUEUE_TYPE", kIngest | kProcessor, "memory", {"memory"},
                                 &Settings::queue_type, "The queue between ingest and processor.");
  declaration.set = [set = declaration.set](std::string_view value, Settings& settings) {
    auto wrong = set(value, settings);
    if (value == "nats" || value == "kafka" || value == "composite") {
      wrong = "this build has memory only";
    }
    return wrong;
  };
  return declaration;
}

Declaration urls(std::string_view name, Services services, std::string fallback,
                 std::vector<std::string> Settings::*field, std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    auto parsed = parse_urls(value);
    if (!parsed) return "not a list of URLs";
    settings.*field = std::move(*parsed);
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = "http://host[:port], up to 64, separated by commas without blanks",
          .sentence = sentence,
          .set = set};
}

// A text that `test` accepts.
Declaration text(std::string_view name, Services services, std::string fallback,
                 bool (*test)(std::string_view), std::string wrong, std::string allowed,
                 std::string Settings::*field, std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    if (!test(value)) return wrong;
    settings.*field = value;
    return std::nullopt;
  };
  return {.name = name,
          .services = services,
          .fallback = std::move(fallback),
          .allowed = std::move(allowed),
          .sentence = sentence,
          .set = set};
}

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

std::vector<Declaration> make_declarations() {
  using S = Settings;
  using namespace std::chrono_literals;
  return {
      port("API_PORT", kGateway, "8080", &S::api_port, "Port of the gateway."),
      port("INGEST_PORT", kIngest, "8081", &S::ingest_port, "Port of ingest."),
      port("PROCESSOR_PORT", kProcessor, "8082", &S::processor_port, "Port of the processor."),
      text("BIND_ADDRESS", kAll, "0.0.0.0", is_ip_address, "not an address",
           "an IPv4 or IPv6 address", &S::bind_address, "Address to listen on."),
      urls("INGEST_URL", kGateway, "http://localhost:8081", &S::ingest_urls,
           "Where ingest listens; a list is balanced over."),
      urls("PROCESSOR_URL", kGateway | kIngest, "http://localhost:8082", &S::processor_urls,
           "Where the processor listens; a list is balanced over."),
      queue_type(),
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
      number("MAX_CONNECTIONS", kAll, "20000", {1, 1'000'000}, &S::max_connections,
             "Open connections; more are refused."),
      io_threads(),
      word("LOG_LEVEL", kAll, "info", {"debug", "info", "warn", "error"}, &S::log_level,
           "The least important lines that are logged."),
  };
}

}  // namespace

const std::vector<Declaration>& declarations() {
  static const std::vector<Declaration> all = make_declarations();
  return all;
}

Result<Settings> load(Service service, const Lookup& lookup) {
  Settings settings;
  for (const Declaration& declaration : declarations()) {
    if (!declaration.read_by(service)) continue;
    Status status = set_from(declaration, lookup, settings);
    if (!status.ok()) return status;
  }
  return settings;
}

}  // namespace millrace::config
