#include "edge/grpc/door.h"

#include <catch2/catch.hpp>
#include <vector>

#include "http/test_io.h"

namespace millrace::edge {
namespace {

using namespace http::testing;

TEST_CASE("a door is listening until everybody is let in who waited as it was told to stop") {
  observe::Registry registry;
  Connections connections({});
  Mailbox<bool> entering;
  Mailbox<bool> let_in;
  std::vector<Descriptor> inside;
  Door door(
      {}, connections,
      [&](int socket) {
        inside.emplace_back(socket);
        entering.put(true);
        let_in.take("leave to go in");
      },
      [] {}, registry);
  CHECK(!door.is_listening());
  REQUIRE(door.start().ok());
  CHECK(door.is_listening());
  std::vector<RawConnection> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(RawConnection::connect(door.port()));
  entering.take("the first client");
  door.stop_accepting();
  for (int i = 0; i < 3; ++i) {
    CHECK(door.is_listening());
    if (i > 0) entering.take("another client");
    let_in.put(true);
  }
  eventually("the door is closed", [&] { return !door.is_listening(); });
  CHECK(connections.open() == 3);
  CHECK_THROWS(RawConnection::connect(door.port()));
}

TEST_CASE("a door that can't be opened isn't listening") {
  observe::Registry registry;
  Connections connections({});
  const RefusingPort taken;
  DoorOptions options;
  options.port = taken.port();
  Door door(
      options, connections, [](int) {}, [] {}, registry);
  CHECK(door.start().code() == Code::unavailable);
  CHECK(!door.is_listening());
}

}  // namespace
}  // namespace millrace::edge
