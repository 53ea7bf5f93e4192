#include "http/reactor.h"

#include <catch2/catch.hpp>

#include "http/test_io.h"

namespace millrace::http {
namespace {

using namespace testing;

Time now() { return std::chrono::steady_clock::now(); }

TEST_CASE("tasks of one thread run in their order, on the reactor's thread") {
  ReactorPool reactors(1);
  Mailbox<int> seen;
  for (int i = 0; i < 1000; ++i) {
    reactors[0].post([&, i] { seen.put(Reactor::current() == &reactors[0] ? i : -1); });
  }
  for (int i = 0; i < 1000; ++i) REQUIRE(seen.take("a task") == i);
  CHECK(Reactor::current() == nullptr);
}

TEST_CASE("dispatch is inline on the reactor's thread only; post never is") {
  ReactorPool reactors(2);
  Mailbox<std::string> seen;
  reactors[0].dispatch([&] {
    reactors[0].post([&] { seen.put("posted"); });
    reactors[0].dispatch([&] { seen.put("inline"); });
    seen.put("after");
  });
  CHECK(seen.take("inline") == "inline");
  CHECK(seen.take("after") == "after");
  CHECK(seen.take("posted") == "posted");
  reactors[0].dispatch([&] {
    reactors[1].dispatch([&] { seen.put(Reactor::current() == &reactors[1] ? "other" : "wrong"); });
  });
  CHECK(seen.take("other") == "other");
}

TEST_CASE("a pool stays on the calling reactor and takes turns for other threads") {
  ReactorPool reactors(3);
  CHECK(reactors.size() == 3);
  std::vector<int> turns(3);
  for (int i = 0; i < 9; ++i) ++turns[reactors.here().index()];
  CHECK(turns == std::vector<int>{3, 3, 3});
  std::vector<std::size_t> here(3);
  reactors.run_on_each([&](std::size_t i, Reactor&) { here[i] = reactors.here().index(); });
  CHECK(here == std::vector<std::size_t>{0, 1, 2});

  Mailbox<bool> same;
  reactors[1].post([&] { reactors.post([&] { same.put(Reactor::current() == &reactors[1]); }); });
  CHECK(same.take("a task"));
  ReactorPool others(1);  // a reactor of another pool counts as any other thread
  others[0].post([&] { same.put(&reactors.here() != &others[0]); });
  CHECK(same.take("a task"));
}

TEST_CASE("a stopped pool runs nothing any more") {
  ReactorPool reactors(2);
  reactors.stop();
  bool ran = false;
  reactors.post([&] { ran = true; });
  reactors.stop();
  CHECK(!ran);
}

// Does what the test says when it expires.
class Watched final : public Expirable {
 public:
  explicit Watched(std::function<void(Watched&)> expired) : expired_(std::move(expired)) {}
  void on_expired() override {
    ++times;
    expired_(*this);
  }
  int times = 0;

 private:
  const std::function<void(Watched&)> expired_;
};

TEST_CASE("what has expired is told on each tick until that is changed") {
  ReactorPool reactors(1);
  Mailbox<int> told;
  Watched watched([&](Watched& self) {
    told.put(self.times);
    if (self.times == 3) self.expires_at = Time::max();
  });
  Watched later([&](Watched&) { told.put(-1); });
  const Time began = now();
  reactors.run_on_each([&](std::size_t, Reactor& reactor) {
    reactor.watch(watched);
    reactor.watch(later);
    watched.expires_at = began + kTick;
  });
  for (int i = 1; i <= 3; ++i) CHECK(told.take("the call") == i);
  CHECK(now() - began >= 2 * kTick);
  // A tick more; `later`, which has no time, isn't told.
  reactors.run_on_each([&](std::size_t, Reactor&) { later.expires_at = began; });
  CHECK(told.take("the call") == -1);
  reactors.run_on_each([&](std::size_t, Reactor&) {
    watched.unlink();
    later.unlink();
  });
  CHECK(watched.times == 3);
}

TEST_CASE("what expires may leave the list, take others with it, and bring new ones") {
  ReactorPool reactors(1);
  Mailbox<std::string> told;
  std::unique_ptr<Watched> doomed;
  std::unique_ptr<Watched> fresh;
  Watched first([&](Watched& self) {
    self.unlink();
    doomed.reset();  // the next in the list
    fresh = std::make_unique<Watched>([&](Watched& one) {
      one.unlink();
      told.put("fresh");
    });
    fresh->expires_at = now();
    reactors[0].watch(*fresh);
    told.put("first");
  });
  Watched last([&](Watched& self) {
    self.unlink();
    told.put("last");
  });
  reactors.run_on_each([&](std::size_t, Reactor& reactor) {
    doomed = std::make_unique<Watched>([&](Watched&) { told.put("doomed"); });
    for (Watched* one : {&first, doomed.get(), &last}) {
      one->expires_at = now();
      reactor.watch(*one);
    }
  });
  CHECK(told.take("the first") == "first");
  CHECK(told.take("the last") == "last");
  CHECK(told.take("the new one") == "fresh");
  CHECK(told.empty());
}

}  // namespace
}  // namespace millrace::http
