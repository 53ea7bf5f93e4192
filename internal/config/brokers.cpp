#include "config/brokers.h"

#include <algorithm>
#include <set>

#include "base/http_url.h"
#include "config/kinds.h"

namespace millrace::config {
namespace {

using std::chrono::milliseconds;
using Values = std::vector<std::string>;

// Who publishes and who consumes.
constexpr Services kBoth = only(Service::ingest) | only(Service::processor) | only(Service::grpc);

constexpr std::size_t kBrokersMax = 64;
constexpr std::size_t kShownBytesMax = 40;  // of a wrong name

// A comma-separated list whose parts `wrong` has nothing against.
Declaration list(std::string_view name, std::string fallback, std::string allowed,
                 std::optional<std::string> (*wrong)(const Values&), Values Settings::*field,
                 std::string_view sentence) {
  const auto set = [=](std::string_view value, Settings& settings) -> std::optional<std::string> {
    Values parts = split(value);
    if (auto why = wrong(parts)) return why;
    settings.*field = std::move(parts);
    return std::nullopt;
  };
  return {.name = name,
          .services = kBoth,
          .fallback = std::move(fallback),
          .allowed = std::move(allowed),
          .sentence = sentence,
          .set = set};
}

bool is_nats_url(std::string_view url) {
  for (const std::string_view scheme : {"nats://", "tls://"}) {
    if (!url.starts_with(scheme)) continue;
    url.remove_prefix(scheme.size());
    if (const std::size_t at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
    return parse_http_url("http://" + std::string(url)).has_value();
  }
  return false;
}

std::optional<std::string> wrong_nats_urls(const Values& urls) {
  if (urls.size() > kBrokersMax) return "too many";
  if (std::all_of(urls.begin(), urls.end(), is_nats_url)) return std::nullopt;
  return "not a list of NATS URLs";
}

std::optional<std::string> wrong_brokers(const Values& brokers) {
  if (brokers.size() > kBrokersMax) return "too many";
  const auto good = [](const std::string& broker) {
    return broker.find(':') != broker.npos && broker.find('/') == broker.npos &&
           parse_http_url("http://" + broker).has_value();
  };
  if (std::all_of(brokers.begin(), brokers.end(), good)) return std::nullopt;
  return "not a list of host:port";
}

std::optional<std::string> wrong_providers(const Values& providers) {
  static const std::set<std::string_view> known{"memory", "nats", "kafka"};
  std::set<std::string_view> seen;
  for (const std::string& provider : providers) {
    if (provider == "composite") return "a composite can't be part of a composite";
    if (!known.contains(provider)) {
      return "'" + printable(provider.substr(0, kShownBytesMax)) + "' is not known";
    }
    if (!seen.insert(provider).second) return "'" + provider + "' is there twice";
  }
  if (seen.size() < 2) return "one provider is no composite";
  return std::nullopt;
}

// A name within a NATS subject hierarchy, and one that is a Kafka topic as well.
bool is_subject(std::string_view text) {
  const auto good = [](char c) { return c > ' ' && c < '\x7f' && c != '*' && c != '>'; };
  return !text.empty() && text.size() <= 255 && text.front() != '.' && text.back() != '.' &&
         text.find("..") == text.npos && std::all_of(text.begin(), text.end(), good);
}

bool is_name(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), good);
}

bool is_topic(std::string_view text) {
  const auto good = [](char c) { return c == '.' || is_name({&c, 1}); };
  return !text.empty() && text.size() <= 240 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), good);
}

bool is_line(std::string_view text) {
  return text.size() <= 4096 && std::none_of(text.begin(), text.end(), is_control);
}

Declaration name(std::string_view name, std::string fallback, std::string Settings::*field,
                 std::string_view sentence) {
  return text(name, kBoth, std::move(fallback), is_name, "not a name",
              "1 to 255 letters, digits, _ and -", field, sentence);
}

Declaration login(std::string_view name, std::string Settings::*field, std::string_view sentence,
                  bool secret = false) {
  Declaration declaration = text(name, kBoth, "", is_line, "not a line of text",
                                 "up to 4096 bytes, no control characters", field, sentence);
  declaration.fallback_words = "none";
  declaration.secret = secret;
  return declaration;
}

std::vector<Declaration> nats_declarations() {
  using S = Settings;
  using namespace std::chrono_literals;
  return {
      list("NATS_URL", "nats://localhost:4222",
           "nats:// or tls://[user:password@]host[:port], up to 64, separated by commas",
           wrong_nats_urls, &S::nats_urls, "The NATS servers of one cluster."),
      text("NATS_SUBJECT", kBoth, "diplom.messages", is_subject, "not a subject",
           "up to 255 bytes, no blanks or wildcards", &S::nats_subject,
           "Subject of the messages in NATS."),
      name("NATS_STREAM", "DIPLOM_STREAM", &S::nats_stream, "JetStream stream of the messages."),
      name("NATS_DLQ_STREAM", "DIPLOM_DLQ", &S::nats_dlq_stream,
           "JetStream stream of the dead letters."),
      name("NATS_CONSUMER", "processor", &S::nats_consumer,
           "Durable consumer that all processors share."),
      duration("NATS_MAX_AGE", kBoth, 24h, 0ms, 8760h, &S::nats_max_age,
               "Age at which the stream drops a message, when it is created; 0 for never."),
      number("NATS_MAX_MESSAGES", kBoth, "1000000", {0, 1ULL << 40}, &S::nats_max_messages,
             "Most messages in the stream, when it is created; 0 for no limit. A frame is one."),
      number("NATS_MAX_BYTES", kBoth, "0", {0, 1ULL << 50}, &S::nats_max_bytes,
             "Most bytes in the stream, when it is created; 0 for no limit."),
      number("NATS_REPLICAS", kBoth, "1", {1, 5}, &S::nats_replicas,
             "Servers that keep a copy, when the streams are created."),
      duration("NATS_ACK_WAIT", kBoth, 30s, 500ms, 1h, &S::nats_ack_wait,
               "Until others take over the messages of a processor that died."),
      number("NATS_FRAME_MESSAGES", only(Service::ingest) | only(Service::grpc), "256", {1, 1000},
             &S::nats_frame_messages,
             "Most messages stored as one, a frame; 1 for readers that don't know frames."),
      login("NATS_USER", &S::nats_user, "User at NATS."),
      login("NATS_PASSWORD", &S::nats_password, "Password at NATS.", true),
      login("NATS_TOKEN", &S::nats_token, "Token at NATS.", true),
      optional_file("NATS_CREDENTIALS_FILE", kBoth, &S::nats_credentials_file,
                    "A NATS .creds file."),
      optional_file("NATS_TLS_CA_FILE", kBoth, &S::nats_tls_ca_file,
                    "Certificates that NATS is trusted by."),
      optional_file("NATS_TLS_CERT_FILE", kBoth, &S::nats_tls_cert_file,
                    "Our certificate for NATS."),
      optional_file("NATS_TLS_KEY_FILE", kBoth, &S::nats_tls_key_file, "Its key."),
  };
}

std::vector<Declaration> kafka_declarations() {
  using S = Settings;
  using namespace std::chrono_literals;
  return {
      list("KAFKA_BROKERS", "kafka:29092", "host:port, up to 64, separated by commas",
           wrong_brokers, &S::kafka_brokers, "The Kafka brokers to begin with."),
      text("KAFKA_TOPIC", kBoth, "diplom-messages", is_topic, "not a topic",
           "1 to 240 letters, digits, ., _ and -", &S::kafka_topic,
           "Kafka topic of the messages; <topic>.dlq is that of the dead letters."),
      text("KAFKA_CONSUMER_GROUP", kBoth, "processor-group", is_topic, "not a group",
           "1 to 240 letters, digits, ., _ and -", &S::kafka_consumer_group,
           "Consumer group that all processors share."),
      number("KAFKA_PARTITIONS", kBoth, "4", {1, 10'000}, &S::kafka_partitions,
             "Partitions of the topic, when it is created."),
      number("KAFKA_REPLICAS", kBoth, "1", {1, 15}, &S::kafka_replicas,
             "Brokers that keep a copy, when the topics are created."),
      duration("KAFKA_SESSION_TIMEOUT", kBoth, 10s, 6s, 30min, &S::kafka_session_timeout,
               "Until others take over the partitions of a processor that died."),
      word("KAFKA_SECURITY_PROTOCOL", kBoth, "plaintext",
           {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"}, &S::kafka_security_protocol,
           "How to talk to Kafka."),
      word("KAFKA_SASL_MECHANISM", kBoth, "PLAIN", {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
           &S::kafka_sasl_mechanism, "How to log in at Kafka, with a sasl protocol."),
      login("KAFKA_SASL_USERNAME", &S::kafka_sasl_username, "User at Kafka."),
      login("KAFKA_SASL_PASSWORD", &S::kafka_sasl_password, "Password at Kafka.", true),
      optional_file("KAFKA_TLS_CA_FILE", kBoth, &S::kafka_tls_ca_file,
                    "Certificates that Kafka is trusted by."),
      optional_file("KAFKA_TLS_CERT_FILE", kBoth, &S::kafka_tls_cert_file,
                    "Our certificate for Kafka."),
      optional_file("KAFKA_TLS_KEY_FILE", kBoth, &S::kafka_tls_key_file, "Its key."),
  };
}

std::vector<Declaration> composite_declarations() {
  using S = Settings;
  return {
      list("COMPOSITE_PROVIDERS", "nats,kafka", "two or more of memory, nats, kafka",
           wrong_providers, &S::composite_providers,
           "The queues that a composite queue writes to."),
      word("COMPOSITE_STRATEGY", kBoth, "fail-fast", {"fail-fast", "best-effort"},
           &S::composite_strategy,
           "Accepted only if every provider has it, or if at least one has it."),
  };
}

}  // namespace

std::vector<Declaration> broker_declarations() {
  std::vector<Declaration> all;
  for (auto* part : {nats_declarations, kafka_declarations, composite_declarations}) {
    for (Declaration& declaration : part()) all.push_back(std::move(declaration));
  }
  return all;
}

}  // namespace millrace::config
