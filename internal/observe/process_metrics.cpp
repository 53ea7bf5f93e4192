#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

#include "observe/memory.h"
#include "observe/metrics.h"

namespace millrace::observe {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double cpu_seconds() {
  timespec used{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return kUnknown;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

double or_unknown(std::optional<std::uint64_t> number) {
  return number ? static_cast<double>(*number) : kUnknown;
}

double max_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknown;
  return static_cast<double>(limit.rlim_cur);
}

double open_fds() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  // None left to look with is an answer, and the moment when this metric matters most.
  if (error.value() == EMFILE) return max_fds();
  double count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return error ? kUnknown : count - 1;  // less the one that reads the directory
}

// Field `number`, 1-based as in proc(5), of /proc/self/stat. Fields from 3 on only: the second, the
// command's name, may hold blanks and parentheses, so counting starts behind its last parenthesis.
double stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return kUnknown;
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return kUnknown;
  std::istringstream rest(line.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) {
    if (!(rest >> field)) return kUnknown;
  }
  return std::stod(field);
}

double threads() { return stat_field(20); }

double boot_unix_seconds() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return kUnknown;
}

double start_unix_seconds() {
  return boot_unix_seconds() + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void register_process_metrics(Registry& registry, std::string_view service) {
  registry.counter_from("process_cpu_seconds_total", "User and system CPU time spent, in seconds.",
                        cpu_seconds);
  registry.gauge("process_resident_memory_bytes", "Resident memory, in bytes.",
                 [] { return or_unknown(resident_bytes()); });
  registry.gauge("millrace_memory_limit_bytes",
                 "Memory the process may have, by its control group or the machine, in bytes.",
                 [] { return or_unknown(memory_limit_bytes()); });
  registry.gauge("process_open_fds", "Open file descriptors.", open_fds);
  registry.gauge("process_max_fds", "Limit of open file descriptors.", max_fds);
  registry.gauge("process_threads", "Threads of the process.", threads);
  registry.gauge("process_start_time_seconds", "Start of the process, in Unix seconds.",
                 [start = start_unix_seconds()] { return start; });
  registry.gauge("millrace_build_info", "1, labelled with what this executable was built from.",
                 [] { return 1.0; },
                 {{"service", std::string(service)},
                  {"version", MILLRACE_VERSION},
                  {"compiler", MILLRACE_COMPILER},
                  {"build_type", MILLRACE_BUILD_TYPE}});
}

}  // namespace millrace::observe
