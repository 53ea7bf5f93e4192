// The real servers that scripts/with_servers.py started for us.
#pragma once

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "base/event_count.h"
#include "base/uuid.h"

namespace millrace::integration {

// An environment variable's value. Throws when it isn't set: a test without its server fails.
inline std::string required(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    throw std::runtime_error(name + " isn't set: run this through scripts/with_servers.py");
  }
  return value;
}

// A name that no other test has used.
inline std::string unique_name(const std::string& prefix) { return prefix + Uuid::v7().text(); }

// Until `ok()`, or `limit` has passed.
template <class Ok>
bool eventually(Ok ok, Duration limit = std::chrono::seconds(20)) {
  const Time deadline = std::chrono::steady_clock::now() + limit;
  EventCount nothing;  // a server has no event to wait for
  while (!ok()) {
    const Time now = std::chrono::steady_clock::now();
    if (now > deadline) return false;
    nothing.wait(nothing.prepare_wait(), now + std::chrono::milliseconds(2));
  }
  return true;
}

// What may be done to the server `name`, NATS or KAFKA. At its end the server is up again.
class TestServer {
 public:
  explicit TestServer(std::string name) : name_("MILLRACE_TEST_" + std::move(name)) {}
  ~TestServer() {
    if (suspended_) resume();
    if (killed_) restart();
  }

  [[nodiscard]] std::string address() const { return required(name_); }

  void kill() {
    signal(SIGKILL);
    killed_ = true;
  }
  // With its data, and answering.
  void restart() {
    if (std::system(required(name_ + "_RESTART").c_str()) != 0) {
      throw std::runtime_error(name_ + " can't be restarted");
    }
    killed_ = false;
  }
  void suspend() {
    signal(SIGSTOP);
    suspended_ = true;
  }
  void resume() {
    signal(SIGCONT);
    suspended_ = false;
  }

 private:
  void signal(int number) const {
    std::ifstream file(required(name_ + "_PIDFILE"));
    int pid = 0;
    if (!(file >> pid) || ::kill(pid, number) != 0) {
      throw std::runtime_error(name_ + " can't be signalled");
    }
  }

  const std::string name_;
  bool killed_ = false;
  bool suspended_ = false;
};

}  // namespace millrace::integration
