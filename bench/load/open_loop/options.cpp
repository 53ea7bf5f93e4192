#include "options.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/parse_number.h"

namespace millrace::load {
namespace {

constexpr std::size_t kBatchMax = 10'000;
constexpr std::size_t kPayloadBytesMax = 1024 * 1024;
constexpr std::size_t kConnectionsMax = 20'000;
constexpr double kRateMax = 10'000'000;
constexpr double kSecondsMax = 24.0 * 3600;

// Empty when all is well, otherwise what the value must be.
using Setter = std::string (*)(Options&, std::string_view);

struct Option {
  std::string_view name;
  Setter set;
};

std::string set_count(std::size_t& field, std::string_view text, std::size_t most) {
  const auto value = parse_number<std::size_t>(text);
  if (!value || *value < 1 || *value > most) return "1 to " + std::to_string(most);
  field = *value;
  return {};
}

// "http://host[:port][/path]"
std::string set_url(Options& options, std::string_view text) {
  constexpr std::size_t kScheme = std::string_view("http://").size();
  const std::size_t slash = text.find('/', std::min(kScheme, text.size()));
  const auto server = parse_http_url(text.substr(0, slash));
  const bool sendable = std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '\\' && c != '#';
  });
  if (!server || !sendable) return "http://host[:port][/path]";
  options.url = text;
  options.server = *server;
  if (slash != std::string_view::npos) options.target = text.substr(slash);
  return {};
}

std::string set_rate(Options& options, std::string_view text) {
  options.rate = 0;
  if (text == "max") return {};
  const auto rate = parse_number<double>(text);
  if (!rate || !(*rate >= 0.1 && *rate <= kRateMax)) {
    return "requests per second (0.1 to 10000000), or max";
  }
  options.rate = *rate;
  return {};
}

std::string set_seconds(Options& options, std::string_view text) {
  const auto seconds = parse_number<double>(text);
  if (!seconds || !(*seconds >= 0.1 && *seconds <= kSecondsMax)) return "0.1 to 86400";
  options.seconds = *seconds;
  return {};
}

std::string set_timeout(Options& options, std::string_view text) {
  const auto seconds = parse_number<double>(text);
  if (!seconds || !(*seconds >= 0.1 && *seconds <= 60)) return "0.1 to 60 seconds";
  options.timeout = std::chrono::milliseconds(std::llround(*seconds * 1000));
  return {};
}

constexpr std::array<Option, 8> kValued{{
    {"--url", set_url},
    {"--rate", set_rate},
    {"--seconds", set_seconds},
    {"--timeout", set_timeout},
    {"--connections",
     [](Options& o, std::string_view text) {
       return set_count(o.connections, text, kConnectionsMax);
     }},
    {"--payload-bytes",
     [](Options& o, std::string_view text) {
       return set_count(o.payload_bytes, text, kPayloadBytesMax);
     }},
    {"--batch",
     [](Options& o, std::string_view text) { return set_count(o.batch, text, kBatchMax); }},
    {"--expect",
     [](Options& o, std::string_view text) {
       o.expected = text;
       return std::string();
     }},
}};

Status invalid(std::string text) {
  return {Code::invalid, std::move(text) + "; --help has all options"};
}

bool set_flag(Options& options, std::string_view name) {
  if (name == "--json") options.json = true;
  if (name == "--no-keep-alive") options.keep_alive = false;
  if (name == "--help" || name == "-h") options.help = true;
  return name == "--json" || name == "--no-keep-alive" || name == "--help" || name == "-h";
}

Status set_value(Options& options, std::string_view name, const std::string_view* value) {
  const auto* const found = std::find_if(kValued.begin(), kValued.end(),
                                         [&](const Option& option) { return option.name == name; });
  if (found == kValued.end()) return invalid("no option " + std::string(name));
  if (value == nullptr) return invalid(std::string(name) + " needs a value");
  const std::string allowed = found->set(options, *value);
  if (allowed.empty()) return {};
  return invalid(std::string(name) + " is '" + std::string(*value) + "', and must be " + allowed);
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string_view>& arguments) {
  Options options;
  bool rate_given = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (set_flag(options, name)) continue;
    const auto* const value = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
    if (Status status = set_value(options, name, value); !status.ok()) return status;
    if (name == "--rate") rate_given = true;
    ++i;
  }
  if (options.help) return options;
  if (options.url.empty()) return invalid("--url is missing: say where to send");
  if (!rate_given) return invalid("--rate is missing: requests per second, or max");
  if (options.target.empty()) {
    options.target = options.batch == 0 ? "/api/v1/ingest" : "/api/v1/ingest/batch";
  }
  return options;
}

std::string_view help_text() {
  return R"(open_loop: requests at a constant rate, timed from when each was due

  open_loop --url http://HOST:PORT --rate 10000
  open_loop --url http://HOST:PORT --rate 500 --batch 1000
  open_loop --url http://HOST:PORT/ --rate max --expect ''

Requests are due at even intervals, whether or not earlier ones were answered, and latency counts
from that moment. So a server that stands still for a second makes all the requests of that second
late, as it would be for users; a client that waits for its answer before it sends again would see
one slow request. A request that is given up counts with the time it had waited.

  --url URL            http://host[:port][/path]; without a path that of the gateway is used
  --rate N|max         requests per second. max is another thing: each connection sends as soon as
                       it has its answer (closed loop), which finds the greatest rate, and whose
                       latencies say nothing about users
  --seconds N          how long requests are due (10)
  --connections N      kept open, one request at a time on each (64). When all are busy a due
                       request waits, and its latency grows: give more than rate x latency
  --payload-bytes N    bytes of a message's data (64)
  --batch N            N messages in a request, as NDJSON
  --expect TEXT        what the first 256 bytes of a 200's body must have (accepted); '' for anything
  --timeout SECONDS    after which a request is given up (5)
  --no-keep-alive      a connection for each request; it is opened before the request is due
  --json               one JSON object instead of the table

Every message is JSON of the ingest API and unlike any other. One thread does all of it. How late the
generator itself sent requests, and how much of a core it took, is part of the result: when it was
the slow one, the figures are its own and not the server's.

Exit code 0: the rate was held and every answer was as expected. 1: it wasn't, or some weren't; the
last line on stderr says which. 2: an option is wrong. 3: nobody answers there.
)";
}

}  // namespace millrace::load
