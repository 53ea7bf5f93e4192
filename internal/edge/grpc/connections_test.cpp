#include "edge/grpc/connections.h"

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "edge/grpc/door.h"

namespace millrace::edge {
namespace {

// A connection over the loopback, both ends ours.
struct Connected {
  Connected() {
    const Descriptor listening(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening.number(), any, size) == 0);
    REQUIRE(::listen(listening.number(), 1) == 0);
    REQUIRE(::getsockname(listening.number(), any, &size) == 0);
    client = Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::connect(client.number(), any, size) == 0);
    size = sizeof peer;
    server = Descriptor(::accept(listening.number(), reinterpret_cast<sockaddr*>(&peer), &size));
    REQUIRE(server.is_open());
  }

  [[nodiscard]] std::string name() const {
    sockaddr_in address{};
    std::memcpy(&address, &peer, sizeof address);
    return "ipv4:127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  void send(std::size_t bytes) const {
    const std::string data(bytes, 'x');
    REQUIRE(::send(client.number(), data.data(), bytes, 0) == static_cast<ssize_t>(bytes));
    std::string got(bytes, ' ');
    REQUIRE(::recv(server.number(), got.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
  }
  // Whether the client sees that it was cut off.
  [[nodiscard]] bool is_cut() const {
    char byte = 0;
    return ::recv(client.number(), &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
  }

  Descriptor client;
  Descriptor server;
  sockaddr_storage peer{};
};

TEST_CASE("connections are bounded, and those that closed make room", "[connections]") {
  Connections all({.connections_max = 3, .per_peer_max = 2});
  Connected a;
  Connected b;
  Connected c;
  CHECK(all.admit(a.server.number(), a.peer).ok());
  CHECK(all.admit(b.server.number(), b.peer).ok());
  CHECK(all.admit(c.server.number(), c.peer).code() == Code::full);
  CHECK(all.open() == 2);
  a.server = Descriptor();
  CHECK(all.admit(c.server.number(), c.peer).ok());
  CHECK(all.open() == 2);
}

TEST_CASE("the worst is who talks much and says nothing", "[connections]") {
  Connections all({});
  Connected idle;
  Connected busy;
  Connected idle_talker;
  for (Connected* one : {&idle, &busy, &idle_talker}) {
    REQUIRE(all.admit(one->server.number(), one->peer).ok());
  }
  all.sweep();
  CHECK(all.close_worst().peer.empty());
  for (int i = 0; i < 20; ++i) {
    busy.send(50'000);
    all.message_bytes(busy.name())->fetch_add(40'000);
    idle_talker.send(20'000);
  }
  all.sweep();
  CHECK(all.close_worst().connections == 1);
  CHECK(idle_talker.is_cut());
  CHECK_FALSE(busy.is_cut());
  CHECK_FALSE(idle.is_cut());
  CHECK(all.close_worst().peer.empty());
}

TEST_CASE("what each connection of a peer does little of counts together", "[connections]") {
  Connections all({});
  std::array<Connected, 8> talkers;
  Connected quiet;
  for (Connected& one : talkers) REQUIRE(all.admit(one.server.number(), one.peer).ok());
  REQUIRE(all.admit(quiet.server.number(), quiet.peer).ok());
  all.sweep();
  for (Connected& one : talkers) one.send(10'000);
  quiet.send(1'000);
  all.sweep();
  CHECK(all.close_worst().connections == talkers.size());
  for (Connected& one : talkers) CHECK(one.is_cut());
  CHECK_FALSE(quiet.is_cut());
}

TEST_CASE("another one's descriptor of the same number isn't closed", "[connections]") {
  Connections all({});
  Connected gone;
  REQUIRE(all.admit(gone.server.number(), gone.peer).ok());
  all.sweep();
  for (int i = 0; i < 20; ++i) gone.send(50'000);
  all.sweep();
  const int number = gone.server.number();
  Connected other;
  REQUIRE(::dup2(other.server.number(), number) == number);
  static_cast<void>(all.close_worst());
  CHECK_FALSE(other.is_cut());
}

TEST_CASE("bytes of a peer that isn't known are nobody's", "[connections]") {
  const Connections all({});
  CHECK(all.message_bytes("ipv4:192.0.2.1:1") != nullptr);
}

}  // namespace
}  // namespace millrace::edge
