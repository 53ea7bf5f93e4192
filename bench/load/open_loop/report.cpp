#include "report.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <numeric>

namespace millrace::load {
namespace {

// The last answers come after the last request was due, by their latency.
constexpr double kRateHeld = 0.98;
constexpr double kWholeCore = 0.9;
constexpr std::array<std::pair<const char*, double>, 4> kPercentiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}}};

__attribute__((format(printf, 2, 3))) void append(std::string& out, const char* format, ...) {
  std::array<char, 1024> text;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  out.append(text.data());
}

unsigned long long number(std::uint64_t value) { return value; }

double micros(Histogram::Duration value) { return static_cast<double>(value.count()) / 1000; }

// On CLOCK_MONOTONIC, so that who measures the servers can go on where this ends.
double monotonic_s(Time time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double per_second(std::uint64_t count, const Outcome& outcome) {
  return outcome.wall_s > 0 ? static_cast<double>(count) / outcome.wall_s : 0;
}

std::uint64_t good(const Outcome& outcome) { return outcome.ok + outcome.partial; }

double cpu_share(const Outcome& outcome) {
  return outcome.wall_s > 0 ? outcome.cpu_s / outcome.wall_s : 0;
}

std::uint64_t failures(const Outcome& outcome) {
  return std::accumulate(outcome.failures.begin(), outcome.failures.end(), std::uint64_t{0});
}

std::string percentiles_json(const Histogram& histogram) {
  std::string json = "{";
  for (const auto& [name, share] : kPercentiles) {
    append(json, "\"%s\":%.1f,", name, micros(histogram.percentile(share)));
  }
  append(json, "\"max\":%.1f}", micros(histogram.max()));
  return json;
}

std::string percentiles_row(const Histogram& histogram) {
  std::string row;
  for (const auto& [name, share] : kPercentiles) {
    append(row, "%11.0f", micros(histogram.percentile(share)));
  }
  append(row, "%11.0f", micros(histogram.max()));
  return row;
}

std::string failures_json(const Outcome& outcome) {
  std::string json = "{";
  for (std::size_t i = 0; i < kFailureNames.size(); ++i) {
    append(json, "%s\"%s\":%llu", i == 0 ? "" : ",", kFailureNames[i].data(),
           number(outcome.failures[i]));
  }
  return json + "}";
}

}  // namespace

std::string complaint(const Options& options, const Outcome& outcome) {
  std::string text;
  const std::uint64_t bad = outcome.answered() - outcome.ok;
  const std::uint64_t unmade = outcome.failures[static_cast<std::size_t>(Failure::connect)];
  if (bad + failures(outcome) > 0) {
    append(
        text,
        "%llu answers were not as expected, %llu requests got none, %llu connections couldn't be "
        "made",
        number(bad), number(failures(outcome) - unmade), number(unmade));
  } else if (outcome.ok == 0) {
    text = "nothing was sent";
  } else if (options.is_open_loop() &&
             per_second(good(outcome), outcome) < kRateHeld * options.rate) {
    append(text, "the rate of %.0f/s was not reached: %.0f/s; %s", options.rate,
           per_second(good(outcome), outcome),
           cpu_share(outcome) > kWholeCore ? "the generator itself took a whole core"
           : outcome.waited > 0            ? "requests waited for a connection: the server is "
                                             "slower, or give more --connections"
                                           : "the server is slower");
  }
  return text;
}

std::string as_json(const Options& options, const Outcome& outcome) {
  std::string json;
  append(json, "{\"loop\":\"%s\",\"rate_wanted\":%g,\"seconds_wanted\":%g,\"connections\":%zu,",
         options.is_open_loop() ? "open" : "closed", options.rate, options.seconds,
         options.connections);
  append(json, "\"payload_bytes\":%zu,\"batch\":%zu,\"keep_alive\":%s,", options.payload_bytes,
         options.batch, options.keep_alive ? "true" : "false");
  append(json, "\"planned\":%llu,\"sent\":%llu,\"answered\":%llu,", number(outcome.planned),
         number(outcome.sent), number(outcome.answered()));
  append(json, "\"status\":{\"200\":%llu,\"200_unexpected\":%llu,\"207\":%llu,", number(outcome.ok),
         number(outcome.unexpected), number(outcome.partial));
  const auto& others = outcome.others_by_class;
  append(json, "\"other_2xx\":%llu,\"3xx\":%llu,\"4xx\":%llu,\"5xx\":%llu},", number(others[0]),
         number(others[1]), number(others[2]), number(others[3]));
  json.append("\"errors\":").append(failures_json(outcome));
  append(json, ",\"accepted_messages\":%llu,\"wall_s\":%.6f,", number(outcome.accepted_messages),
         outcome.wall_s);
  append(json, "\"began_s\":%.6f,\"ended_s\":%.6f,", monotonic_s(outcome.began),
         monotonic_s(outcome.ended));
  append(json, "\"requests_per_s\":%.1f,\"messages_per_s\":%.1f,",
         per_second(good(outcome), outcome), per_second(outcome.accepted_messages, outcome));
  json.append("\"latency_us\":").append(percentiles_json(outcome.latency));
  json.append(",\"lateness_us\":").append(percentiles_json(outcome.lateness));
  append(json,
         ",\"waited_for_connection\":%llu,\"connections_opened\":%llu,\"cpu_percent\":%.1f}\n",
         number(outcome.waited), number(outcome.connections_opened), cpu_share(outcome) * 100);
  return json;
}

std::string as_table(const Options& options, const Outcome& outcome) {
  std::string table;
  if (options.is_open_loop()) {
    append(table, "open loop, %.0f/s due", options.rate);
  } else {
    table = "closed loop, as fast as answers came (its latencies say nothing about users)";
  }
  append(table, "; %zu connections, %.1f s\n", options.connections, outcome.wall_s);
  append(table, "sent %llu, answered %llu: 200 %llu, 207 %llu, 4xx %llu, 5xx %llu, others %llu\n",
         number(outcome.sent), number(outcome.answered()), number(outcome.ok),
         number(outcome.partial), number(outcome.others_by_class[2]),
         number(outcome.others_by_class[3]),
         number(outcome.unexpected + outcome.others_by_class[0] + outcome.others_by_class[1]));
  table.append("no answer:");
  for (std::size_t i = 0; i < kFailureNames.size(); ++i) {
    append(table, " %s %llu", kFailureNames[i].data(), number(outcome.failures[i]));
  }
  append(table, "\nrequests/s %.0f, messages accepted %llu, messages/s %.0f\n",
         per_second(good(outcome), outcome), number(outcome.accepted_messages),
         per_second(outcome.accepted_messages, outcome));
  append(table, "%-22s%11s%11s%11s%11s%11s\n", "us", "p50", "p90", "p99", "p99.9", "max");
  append(table, "%-22s%s\n", options.is_open_loop() ? "latency from due time" : "latency",
         percentiles_row(outcome.latency).c_str());
  if (options.is_open_loop()) {
    append(table, "%-22s%s\n", "generator's lateness", percentiles_row(outcome.lateness).c_str());
  }
  append(table,
         "waited for a connection %llu, connections opened %llu, generator's CPU %.0f %% of a "
         "core\n",
         number(outcome.waited), number(outcome.connections_opened), cpu_share(outcome) * 100);
  return table;
}

}  // namespace millrace::load
