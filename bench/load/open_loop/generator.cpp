#include "generator.h"

#include <algorithm>
#include <cmath>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/parse_number.h"

namespace millrace::load {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kLeadIn{10};  // from the decision to start to the first request
constexpr std::size_t kEventsMax = 256;
constexpr std::size_t kBurstMax = 64;  // sent in a row, before answers are looked for again
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr double kClosedLoopRate = 1;  // a schedule there must be; it isn't looked at

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Of a batch's answer; 0 when it doesn't say.
std::uint64_t accepted_of(std::string_view body) {
  constexpr std::string_view kName = "\"accepted\":";
  const std::size_t at = body.find(kName);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = body.substr(at + kName.size());
  return parse_number<std::uint64_t>(rest.substr(0, rest.find_first_not_of("0123456789")))
      .value_or(0);
}

}  // namespace

Generator::Generator(const Options& options, const Address& address, std::uint32_t run)
    : options_(options),
      address_(address),
      maker_(options, run),
      schedule_(options.is_open_loop() ? options.rate : kClosedLoopRate, options.seconds),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kBufferBytes) {
  allow_many_files();
  // The kernel may wake a sleeper 50 us late by default, to save wake-ups.
  prctl(PR_SET_TIMERSLACK, 1);
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(epoll_, i));
  }
}

Generator::~Generator() {
  connections_.clear();
  close(epoll_);
}

Status Generator::connect_all() {
  for (auto& connection : connections_) reopen(*connection);
  const Time deadline = Clock::now() + options_.timeout;
  while (idle_.size() < connections_.size()) {
    take_events(deadline);
    const auto failed = outcome_.failures[static_cast<std::size_t>(Failure::connect)];
    if (failed > 0 || Clock::now() >= deadline) {
      return {Code::unavailable,
              "only " + std::to_string(idle_.size()) + " of " +
                  std::to_string(connections_.size()) +
                  " connections could be opened: fewer --connections, or a higher limit "
                  "of open files (ulimit -n) here or there"};
    }
  }
  return {};
}

Outcome Generator::run() {
  const double cpu = cpu_seconds();
  start_ = Clock::now() + kLeadIn;
  last_answer_ = start_;
  end_ = start_ + std::chrono::nanoseconds(std::llround(options_.seconds * 1e9));
  next_tick_ = start_ + kTick;
  if (options_.is_open_loop()) outcome_.planned = schedule_.count();
  while (!all_due_handled() || busy_ > 0) {
    send_due();
    take_events(wake_at());
    if (const Time now = Clock::now(); now >= next_tick_) tick(now);
  }
  outcome_.began = start_;
  outcome_.ended = std::max(end_, last_answer_);
  outcome_.wall_s = std::chrono::duration<double>(outcome_.ended - start_).count();
  outcome_.cpu_s = cpu_seconds() - cpu;
  return std::move(outcome_);
}

bool Generator::all_due_handled() const {
  return options_.is_open_loop() ? next_ >= schedule_.count() : Clock::now() >= end_;
}

Time Generator::due_at(std::uint64_t index) const { return start_ + schedule_.offset(index); }

void Generator::send_due() {
  more_due_ = false;
  for (std::size_t sent = 0; !all_due_handled() && !idle_.empty(); ++sent) {
    const Time now = Clock::now();
    const Time due = options_.is_open_loop() ? due_at(next_) : std::max(start_, now);
    if (due > now) return;
    if (sent == kBurstMax) {
      more_due_ = true;
      return;
    }
    ++next_;
    send_one(due, now);
  }
}

void Generator::send_one(Time due, Time now) {
  if (now - due > options_.timeout) return give_up(due, now);
  Connection& connection = *idle_.front();
  idle_.pop_front();
  outcome_.lateness.add(now - std::max(due, connection.idle_since()));
  if (connection.idle_since() > due) ++outcome_.waited;
  ++outcome_.sent;
  if (connection.send(maker_.next(), due, now)) {
    ++busy_;
  } else {
    outcome_.count(Failure::send);
    reopen(connection);
  }
}

// The next moment at which there is something to do unasked.
Time Generator::wake_at() const {
  if (more_due_) return start_;
  const bool can_send = !all_due_handled() && !idle_.empty();
  if (!can_send) return next_tick_;
  return std::min(next_tick_, options_.is_open_loop() ? due_at(next_) : start_);
}

void Generator::take_events(Time until) {
  std::array<epoll_event, kEventsMax> events;
  const auto left = std::max(Clock::duration::zero(), until - Clock::now());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  const int count = epoll_pwait2(epoll_, events.data(), kEventsMax, &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    on_event(*connections_[event.data.u32], event.events);
  }
}

void Generator::on_event(Connection& connection, std::uint32_t events) {
  const Connection::State before = connection.state();
  const Connection::Event event = connection.on_ready(events, buffer_);
  if (before == Connection::State::busy && event != Connection::Event::nothing) --busy_;
  switch (event) {
    case Connection::Event::nothing:
      return;
    case Connection::Event::opened:
      ++outcome_.connections_opened;
      idle_.push_back(&connection);
      return;
    case Connection::Event::answered:
      return on_answer(connection, Clock::now());
    case Connection::Event::failed:
      outcome_.count(connection.failure());
      break;
    case Connection::Event::closed:
      break;
  }
  if (before == Connection::State::idle) std::erase(idle_, &connection);
  // One that can't be made is tried again at the next tick, not in a circle.
  if (before != Connection::State::connecting) reopen(connection);
}

void Generator::on_answer(Connection& connection, Time now) {
  last_answer_ = now;
  count_answer(connection.response());
  // Whatever it says: a server that refuses after a long wait isn't a fast one.
  outcome_.latency.add(now - connection.due());
  connection.done(options_.keep_alive);
  if (connection.state() == Connection::State::idle) {
    idle_.push_back(&connection);
  } else {
    reopen(connection);
  }
}

void Generator::count_answer(const ResponseReader& response) {
  const int status = response.status();
  if (status != 200 && status != 207) {
    ++outcome_.others_by_class[static_cast<std::size_t>(status / 100 - 2)];
    return;
  }
  if (status == 207) {
    ++outcome_.partial;
    outcome_.accepted_messages += accepted_of(response.body_start());
    return;
  }
  const bool expected = response.body_start().find(options_.expected) != std::string_view::npos;
  ++(expected ? outcome_.ok : outcome_.unexpected);
  if (expected) outcome_.accepted_messages += options_.messages_per_request();
}

void Generator::tick(Time now) {
  next_tick_ = now + kTick;
  for (auto& connection : connections_) {
    if (connection->state() == Connection::State::busy &&
        now - connection->sent_at() > options_.timeout) {
      --busy_;
      give_up(connection->due(), now);
      connection->close();
    }
    if (connection->state() == Connection::State::closed) reopen(*connection);
  }
  // Due ones that wait for a connection, with their users' patience at an end.
  while (options_.is_open_loop() && !all_due_handled() && now - due_at(next_) > options_.timeout) {
    give_up(due_at(next_++), now);
  }
}

void Generator::give_up(Time due, Time now) {
  outcome_.count(Failure::timeout);
  outcome_.latency.add(now - due);
}

void Generator::reopen(Connection& connection) {
  if (!connection.open(address_)) outcome_.count(Failure::connect);
}

}  // namespace millrace::load
