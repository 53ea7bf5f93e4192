#include "observe/metrics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <fcntl.h>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>

namespace millrace::observe {
namespace {

using Catch::Matchers::Contains;

std::string line_of(const std::string& text, const std::string& start) {
  const std::size_t begin = ("\n" + text).find("\n" + start);
  if (begin == std::string::npos) return "no line starts with " + start;
  return text.substr(begin, text.find('\n', begin) - begin);
}

void run_threads(int count, const std::function<void()>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a counter loses no add of more threads than shards") {
  Counter counter;
  run_threads(20, [&counter] {
    for (int i = 0; i < 5000; ++i) counter.add();
    counter.add(7);
  });
  CHECK(counter.value() == 20 * 5007);
}

TEST_CASE("a histogram loses no observation of more threads than shards") {
  Histogram histogram({1, 10});
  run_threads(20, [&histogram] {
    for (int i = 0; i < 1000; ++i) histogram.observe(0.5);
    histogram.observe(5, 3);
    histogram.observe(50);
  });
  const Histogram::Snapshot snapshot = histogram.snapshot();
  CHECK(snapshot.counts == std::vector<std::uint64_t>{20'000, 60, 20});
  CHECK(snapshot.count == 20'080);
  CHECK(snapshot.sum == Approx(20 * (500 + 15 + 50)));
}

TEST_CASE("threads get shards round robin, each keeps its own") {
  const std::size_t mine = shard_index();
  CHECK(mine < kShards);
  CHECK(shard_index() == mine);
  std::size_t next = 0;
  std::thread([&next] { next = shard_index(); }).join();
  std::size_t after = 0;
  std::thread([&after] { after = shard_index(); }).join();
  CHECK(after == (next + 1) % kShards);
}

TEST_CASE("a bucket's bound belongs to the bucket") {
  Histogram histogram({1, 2});
  for (const double value : {-5.0, 0.0, 1.0}) histogram.observe(value);
  CHECK(histogram.snapshot().counts == std::vector<std::uint64_t>{3, 0, 0});
  for (const double value : {std::nextafter(1.0, 2.0), 2.0}) histogram.observe(value);
  CHECK(histogram.snapshot().counts == std::vector<std::uint64_t>{3, 2, 0});
  for (const double value : {std::nextafter(2.0, 3.0), 1e300}) histogram.observe(value);
  CHECK(histogram.snapshot().counts == std::vector<std::uint64_t>{3, 2, 2});
}

TEST_CASE("nothing is counted for zero times or for what isn't a number") {
  Histogram histogram({1});
  histogram.observe(0.5, 0);
  histogram.observe(std::nan(""));
  CHECK(histogram.snapshot().count == 0);
  CHECK(histogram.snapshot().sum == 0);
}

TEST_CASE("a tally is kept back until it is flushed, then it is as if each had been observed") {
  Histogram histogram({1, 2});
  Tally tally(histogram);
  for (const double value : {1.0, 1.5, 2.0, 7.0, std::nan("")}) tally.observe(value);
  CHECK(histogram.snapshot().count == 0);
  tally.flush();
  tally.flush();  // nothing is counted twice
  const auto snapshot = histogram.snapshot();
  CHECK(snapshot.counts == std::vector<std::uint64_t>{1, 2, 1});
  CHECK(snapshot.sum == 11.5);
}

TEST_CASE("a tally that ends has told everything") {
  Histogram histogram({1});
  Tally(histogram).observe(0.5);
  CHECK(histogram.snapshot().count == 1);
}

TEST_CASE("a histogram takes 0 to 31 ascending bounds") {
  Histogram unbounded({});
  unbounded.observe(3);
  CHECK(unbounded.snapshot().counts == std::vector<std::uint64_t>{1});
  std::vector<double> bounds;
  for (int i = 0; i < 31; ++i) bounds.push_back(i);
  Histogram widest(bounds);
  widest.observe(1000);
  CHECK(widest.snapshot().counts.back() == 1);
  bounds.push_back(31);
  CHECK_THROWS_AS(Histogram(bounds), std::logic_error);
  CHECK_THROWS_AS(Histogram({1, 1}), std::logic_error);
  CHECK_THROWS_AS(Histogram({2, 1}), std::logic_error);
  CHECK_THROWS_AS(Histogram({1, INFINITY}), std::logic_error);
  CHECK_NOTHROW(Histogram(duration_bounds_s()));
  CHECK_NOTHROW(Histogram(batch_size_bounds()));
}

TEST_CASE("the exposition is sorted by name and escaped") {
  Registry registry;
  Histogram& seconds = registry.histogram("wait_seconds", "Time waited.", {0.5, 1});
  seconds.observe(0.5);
  seconds.observe(0.75, 2);
  seconds.observe(8);
  registry.counter("sent_total", "Messages sent.", {{"route", "a"}}).add(12'345'678'901);
  registry.counter("sent_total", "Messages sent.", {{"route", "b\"\\\n"}});
  registry.gauge("depth", "Messages queued.", [] { return 5.0; });
  registry.counter_from("gone_total", "Messages gone.", [] { return 2.0; }, {{"why", "x"}});

  CHECK(registry.expose() == R"(# HELP depth Messages queued.
# TYPE depth gauge
depth 5
# HELP gone_total Messages gone.
# TYPE gone_total counter
gone_total{why="x"} 2
# HELP sent_total Messages sent.
# TYPE sent_total counter
sent_total{route="a"} 12345678901
sent_total{route="b\"\\\n"} 0
# HELP wait_seconds Time waited.
# TYPE wait_seconds histogram
wait_seconds_count 4
wait_seconds_sum 10
wait_seconds_bucket{le="0.5"} 1
wait_seconds_bucket{le="1"} 3
wait_seconds_bucket{le="+Inf"} 4
)");
}

TEST_CASE("what contradicts an earlier registration is refused") {
  Registry registry;
  registry.counter("a_total", "A.", {{"x", "1"}, {"y", "2"}});
  CHECK_THROWS_WITH(registry.counter("a_total", "A.", {{"y", "2"}, {"x", "1"}}),
                    Contains("a_total") && Contains("already"));
  CHECK_THROWS_WITH(registry.counter("a_total", "B.", {{"x", "2"}}), Contains("help"));
  registry.gauge("b", "B.", [] { return 0.0; });
  CHECK_THROWS_WITH(registry.histogram("b", "B.", {1}), Contains("kind"));
  CHECK_THROWS_AS(registry.gauge("b", "B.", [] { return 0.0; }), std::logic_error);
  CHECK_NOTHROW(registry.counter("a_total", "A.", {{"x", "1"}, {"y", "3"}}));
}

TEST_CASE("names and labels that Prometheus wouldn't take are refused") {
  Registry registry;
  const auto zero = [] { return 0.0; };
  CHECK_THROWS_AS(registry.counter("a", "No _total."), std::logic_error);
  CHECK_THROWS_AS(registry.gauge("a_total", "Not a counter.", zero), std::logic_error);
  CHECK_THROWS_AS(registry.gauge("a", "", zero), std::logic_error);
  CHECK_THROWS_AS(registry.gauge("a", "two\nlines", zero), std::logic_error);
  for (const char* name : {"", "1a", "a-b", "a b", "ä"}) {
    CHECK_THROWS_AS(registry.gauge(name, "A.", zero), std::logic_error);
    CHECK_THROWS_AS(registry.gauge("a", "A.", zero, {{name, "v"}}), std::logic_error);
  }
  CHECK_THROWS_AS(registry.gauge("a", "A.", zero, {{"__a", "v"}}), std::logic_error);
  CHECK_THROWS_AS(registry.gauge("a", "A.", zero, {{"le", "v"}}), std::logic_error);
  CHECK_THROWS_AS(registry.gauge("a", "A.", zero, {{"k", "v"}, {"k", "w"}}), std::logic_error);
  CHECK(registry.expose().empty());
}

TEST_CASE("counting, registering and exposing run beside each other") {
  Registry registry;
  Counter& counter = registry.counter("a_total", "A.");
  std::thread counting([&counter] {
    for (int i = 0; i < 10'000; ++i) counter.add();
  });
  std::thread registering([&registry] {
    for (int i = 0; i < 50; ++i) registry.counter("b_total", "B.", {{"i", std::to_string(i)}});
  });
  for (int i = 0; i < 20; ++i) CHECK_THAT(registry.expose(), Contains("a_total"));
  counting.join();
  registering.join();
  CHECK(line_of(registry.expose(), "a_total ") == "a_total 10000");
}

double process_value(const std::string& name) {
  Registry registry;
  register_process_metrics(registry, "test");
  return std::stod(line_of(registry.expose(), name + " ").substr(name.size()));
}

TEST_CASE("process metrics tell what /proc knows") {
  CHECK(process_value("process_resident_memory_bytes") > 100'000);
  CHECK(process_value("process_max_fds") >= process_value("process_open_fds"));
  const auto now_s = static_cast<double>(system_clock().unix_seconds());
  CHECK(process_value("process_start_time_seconds") == Approx(now_s).margin(600).epsilon(0));

  double open_below_4096 = 0;
  for (int fd = 0; fd < 4096; ++fd) open_below_4096 += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  const double fds = process_value("process_open_fds");
  CHECK(fds == open_below_4096);
  FILE* extra = std::fopen("/dev/null", "r");
  REQUIRE(extra != nullptr);
  CHECK(process_value("process_open_fds") == fds + 1);
  std::fclose(extra);
  CHECK(process_value("process_open_fds") == fds);

  const double cpu_s = process_value("process_cpu_seconds_total");
  while (process_value("process_cpu_seconds_total") <= cpu_s) {
  }
  const double threads = process_value("process_threads");
  CHECK(threads >= 1);
  std::thread([threads] { CHECK(process_value("process_threads") == threads + 1); }).join();
}

TEST_CASE("build info names the service and its version") {
  Registry registry;
  register_process_metrics(registry, "ingest");
  const std::string line = line_of(registry.expose(), "millrace_build_info");
  CHECK_THAT(line, Contains(R"(service="ingest")") && Contains(R"(version=")") &&
                       Contains(R"(compiler=")") && Contains(R"(build_type=")"));
}

TEST_CASE("promtool finds nothing to say about the exposition") {
  Registry registry;
  register_process_metrics(registry, "test");
  registry.histogram("millrace_wait_seconds", "Time waited.", duration_bounds_s(), {{"hop", "a"}})
      .observe(0.1);
  registry.counter("millrace_sent_total", "Messages sent.", {{"route", "b\"\\\n"}}).add();

  INFO("promtool is in Debian's package prometheus; scripts/install-deps.sh installs it");
  FILE* promtool = ::popen("promtool check metrics", "w");
  REQUIRE(promtool != nullptr);
  const std::string text = registry.expose();
  CHECK(std::fwrite(text.data(), 1, text.size(), promtool) == text.size());
  const int status = ::pclose(promtool);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace millrace::observe
