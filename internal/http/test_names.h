// For tests: a resolver that is told what it finds.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "http/test_io.h"
#include "http/upstream_directory.h"

namespace millrace::http::testing {

// Thread-safe. Must outlive the directories that ask it.
class FakeNames {
 public:
  // What is found from now on; nothing: the name isn't known.
  void set(const std::string& host, Addresses addresses) {
    const std::lock_guard lock(mutex_);
    addresses_[host] = std::move(addresses);
  }
  // Questions wait, and are answered with what is set when they are let through.
  void hold() {
    const std::lock_guard lock(mutex_);
    holding_ = true;
  }
  void let_through() {
    std::vector<Question> held;
    {
      const std::lock_guard lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (Question& question : held) answer(std::move(question));
  }
  [[nodiscard]] std::size_t asked(const std::string& host) const {
    const std::lock_guard lock(mutex_);
    const auto at = asked_.find(host);
    return at != asked_.end() ? at->second : 0;
  }

  LookUp look_up() {
    return [this](Reactor& reactor, const std::string& host, UniqueFunction<void(Addresses)> done) {
      Question question{reactor, host, std::move(done)};
      {
        const std::lock_guard lock(mutex_);
        ++asked_[host];
        if (holding_) return held_.push_back(std::move(question));
      }
      answer(std::move(question));
    };
  }

 private:
  struct Question {
    Reactor& reactor;
    std::string host;
    UniqueFunction<void(Addresses)> done;
  };

  void answer(Question question) {
    question.reactor.post([this, host = question.host, done = std::move(question.done)]() mutable {
      Addresses found;
      {
        const std::lock_guard lock(mutex_);
        found = addresses_[host];
      }
      done(std::move(found));
    });
  }

  mutable std::mutex mutex_;
  std::map<std::string, Addresses> addresses_;
  std::map<std::string, std::size_t> asked_;
  bool holding_ = false;
  std::vector<Question> held_;
};

inline Upstream named(const std::string& authority) {
  return Upstream::parse("http://" + authority).value();
}

}  // namespace millrace::http::testing
