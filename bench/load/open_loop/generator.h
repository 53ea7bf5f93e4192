// The loop that sends what is due and times what is answered.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "address.h"
#include "base/status.h"
#include "connection.h"
#include "options.h"
#include "outcome.h"
#include "request_maker.h"
#include "schedule.h"

namespace millrace::load {

// For one run, on one thread. It sleeps whenever nothing is due and nothing has come.
class Generator {
 public:
  // `options` outlive it.
  Generator(const Options& options, const Address& address, std::uint32_t run);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Code::unavailable when not all connections can be opened.
  Status connect_all();

  // Requires connect_all(). Returns when every request was answered or given up.
  Outcome run();

 private:
  void send_due();
  void send_one(Time due, Time now);
  [[nodiscard]] Time wake_at() const;
  void take_events(Time until);
  void on_event(Connection& connection, std::uint32_t events);
  void on_answer(Connection& connection, Time now);
  void count_answer(const ResponseReader& response);
  void tick(Time now);
  void give_up(Time due, Time now);
  void reopen(Connection& connection);
  [[nodiscard]] bool all_due_handled() const;
  [[nodiscard]] Time due_at(std::uint64_t index) const;

  const Options& options_;
  const Address address_;
  RequestMaker maker_;
  const Schedule schedule_;
  const int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;  // the one that is idle longest in front
  std::vector<char> buffer_;
  Outcome outcome_;
  Time start_;
  Time end_;  // of sending
  Time next_tick_;
  Time last_answer_;
  std::uint64_t next_ = 0;  // index of the next request that will be due
  std::uint64_t busy_ = 0;  // connections with a request under way
  bool more_due_ = false;   // sending stopped to let answers be read
};

}  // namespace millrace::load
