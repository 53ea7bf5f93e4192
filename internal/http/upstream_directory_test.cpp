// Which instances names lead to, and how that changes. What the hop makes of it:
// hop_changes_test.cpp.
#include "http/upstream_directory.h"

#include <catch2/catch.hpp>

#include "http/test_names.h"

namespace millrace::http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr milliseconds kOften{5};
constexpr std::chrono::minutes kNever{10};

// Each instance with all that is tried for it: "10.0.0.1,fd00::1:80".
std::vector<std::string> places(const std::vector<Upstream>& upstreams) {
  std::vector<std::string> all;
  for (const Upstream& one : upstreams) {
    std::string text;
    for (const std::string& address : one.addresses) {
      text.append(text.empty() ? "" : ",").append(address);
    }
    all.push_back((text.empty() ? one.host : text) + ":" + one.port);
  }
  return all;
}

using Places = std::vector<std::string>;

void expect(const UpstreamDirectory& directory, const Places& expected) {
  std::string what;
  for (const std::string& place : expected) what.append(place).append(" ");
  eventually(what, [&] { return places(directory.current()) == expected; });
}

TEST_CASE("an address is never looked up") {
  FakeNames names;
  ReactorPool reactors(1);
  UpstreamDirectory directory(reactors, {named("10.1.2.3:1"), named("[::1]:2")}, kOften,
                              names.look_up());
  directory.look_soon();
  reactors.run_on_each([](std::size_t, Reactor&) {});
  CHECK(places(directory.current()) == Places{"10.1.2.3:1", "::1:2"});
  CHECK(names.asked("10.1.2.3") == 0);
  CHECK(names.asked("::1") == 0);
}

TEST_CASE("a name stands for itself until it is found, then for each of its addresses") {
  FakeNames names;
  names.hold();
  names.set("ingest", {"10.0.0.2", "10.0.0.1"});
  ReactorPool reactors(1);
  const UpstreamDirectory directory(reactors, {named("ingest:80")}, kNever, names.look_up());
  CHECK(places(directory.current()) == Places{"ingest:80"});
  eventually("it is asked for", [&] { return names.asked("ingest") == 1; });
  CHECK(places(directory.current()) == Places{"ingest:80"});
  names.let_through();
  expect(directory, {"10.0.0.1:80", "10.0.0.2:80"});
  for (const Upstream& instance : directory.current()) CHECK(instance.authority == "ingest:80");
  CHECK(directory.current()[1].label() == "ingest:80 (10.0.0.2)");
}

TEST_CASE("localhost, which has an address of each family, is one instance") {
  FakeNames names;
  names.set("localhost", {"::1", "127.0.0.1", "127.0.0.1"});
  ReactorPool reactors(1);
  const UpstreamDirectory directory(reactors, {named("localhost:80")}, kNever, names.look_up());
  expect(directory, {"127.0.0.1,::1:80"});
}

TEST_CASE("regression: of several instances each had the others' addresses of IPv6 as its own") {
  FakeNames names;
  names.set("ingest", {"fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2"});
  ReactorPool reactors(1);
  const UpstreamDirectory directory(reactors, {named("ingest:80")}, kNever, names.look_up());
  expect(directory, {"10.0.0.1:80", "10.0.0.2:80"});
}

TEST_CASE("a name with addresses of IPv6 only has those") {
  FakeNames names;
  names.set("six", {"fd00::2", "fd00::1"});
  ReactorPool reactors(1);
  const UpstreamDirectory directory(reactors, {named("six:80")}, kNever, names.look_up());
  expect(directory, {"fd00::1:80", "fd00::2:80"});
}

TEST_CASE("names that lead to the same place lead there once") {
  FakeNames names;
  names.set("a", {"10.0.0.1", "10.0.0.2"});
  names.set("b", {"10.0.0.2", "10.0.0.3"});
  ReactorPool reactors(1);
  const UpstreamDirectory directory(
      reactors, {named("a:80"), named("b:80"), named("b:81"), named("10.0.0.3:80")}, kNever,
      names.look_up());
  expect(directory, {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.2:81", "10.0.0.3:81"});
}

TEST_CASE("changes are followed, and a failed look-up changes nothing") {
  FakeNames names;
  names.set("ingest", {"10.0.0.1"});
  ReactorPool reactors(1);
  const UpstreamDirectory directory(reactors, {named("ingest:80")}, kOften, names.look_up());
  expect(directory, {"10.0.0.1:80"});
  names.set("ingest", {"10.0.0.3", "10.0.0.1"});
  expect(directory, {"10.0.0.1:80", "10.0.0.3:80"});
  names.set("ingest", {});
  const auto asked = names.asked("ingest");
  eventually("it is asked for in vain", [&] { return names.asked("ingest") > asked + 2; });
  CHECK(places(directory.current()) == Places{"10.0.0.1:80", "10.0.0.3:80"});
  names.set("ingest", {"10.0.0.3"});
  expect(directory, {"10.0.0.3:80"});
}

TEST_CASE("one name that isn't answered holds up no other") {
  FakeNames silent;
  FakeNames names;
  silent.hold();
  names.set("b", {"10.0.0.1"});
  ReactorPool reactors(1);
  const LookUp look_up = [a = silent.look_up(), b = names.look_up()](
                             Reactor& reactor, const std::string& host,
                             UniqueFunction<void(Addresses)> done) {
    (host == "a" ? a : b)(reactor, host, std::move(done));
  };
  const UpstreamDirectory directory(reactors, {named("a:80"), named("b:80")}, kOften, look_up);
  expect(directory, {"a:80", "10.0.0.1:80"});
  names.set("b", {"10.0.0.2"});
  expect(directory, {"a:80", "10.0.0.2:80"});
  CHECK(silent.asked("a") == 1);
}

TEST_CASE("an instance that couldn't be reached has its name looked up soon") {
  FakeNames names;
  names.set("ingest", {"10.0.0.1"});
  ReactorPool reactors(1);
  UpstreamDirectory directory(reactors, {named("ingest:80")}, kNever, names.look_up());
  expect(directory, {"10.0.0.1:80"});
  names.set("ingest", {"10.0.0.2"});
  const auto asked = names.asked("ingest");
  for (int i = 0; i < 100; ++i) directory.look_soon();
  expect(directory, {"10.0.0.2:80"});
  CHECK(names.asked("ingest") == asked + 1);  // and not more often than that
}

TEST_CASE("who listens is told of now and of each change, until it doesn't want to be") {
  FakeNames names;
  names.set("ingest", {"10.0.0.1"});
  ReactorPool reactors(1);
  UpstreamDirectory directory(reactors, {named("ingest:80")}, kOften, names.look_up());
  expect(directory, {"10.0.0.1:80"});
  Mailbox<Places> heard;
  const auto subscription =
      directory.subscribe([&heard](const std::vector<Upstream>& now) { heard.put(places(now)); });
  CHECK(heard.take("the list") == Places{"10.0.0.1:80"});
  names.set("ingest", {"10.0.0.2"});
  CHECK(heard.take("the change") == Places{"10.0.0.2:80"});
  directory.unsubscribe(subscription);
  names.set("ingest", {"10.0.0.3"});
  expect(directory, {"10.0.0.3:80"});
  CHECK(heard.empty());
}

TEST_CASE("a directory may go while it is asking") {
  FakeNames names;
  names.hold();
  names.set("ingest", {"10.0.0.1"});
  ReactorPool reactors(1);
  {
    const UpstreamDirectory directory(reactors, {named("ingest:80")}, kOften, names.look_up());
    eventually("it is asked for", [&] { return names.asked("ingest") == 1; });
  }
  names.let_through();
  reactors.run_on_each([](std::size_t, Reactor&) {});
  CHECK(names.asked("ingest") == 1);
}

TEST_CASE("the system finds localhost, and nothing for a name that isn't there") {
  ReactorPool reactors(1);
  const LookUp look_up = system_look_up();
  Mailbox<Addresses> found;
  for (const char* name : {"localhost", "no-such-host.invalid"}) {
    reactors[0].post([&, name] {
      look_up(reactors[0], name, [&](Addresses addresses) { found.put(std::move(addresses)); });
    });
  }
  const auto localhost = found.take("localhost");
  CHECK(std::find_if(localhost.begin(), localhost.end(), [](const std::string& one) {
          return one == "127.0.0.1" || one == "::1";
        }) != localhost.end());
  CHECK(found.take("the answer").empty());
}

}  // namespace
}  // namespace millrace::http
