#include "edge/grpc/connections.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::edge {
namespace {

// All connections of one peer do better than this even when they only open and end calls: below it
// none is closed. A flood of calls opened and reset sends some 30 bytes for each.
constexpr std::uint64_t kIdleTalkMin = std::uint64_t{64} * 1024;

// 0 when it isn't a socket, or isn't open.
std::uint64_t inode_of(int socket) {
  struct stat status {};
  if (::fstat(socket, &status) != 0 || !S_ISSOCK(status.st_mode)) return 0;
  return status.st_ino;
}

// gRPC may close a socket at any time, and its number be another's then: `act` gets a second
// descriptor, which stays what it is. False when it isn't that socket any more.
template <class Act>
bool with_socket(int socket, std::uint64_t inode, Act act) {
  const int own = ::dup(socket);
  if (own < 0) return false;
  const bool same = inode_of(own) == inode;
  if (same) act(own);
  ::close(own);
  return same;
}

void shut_down(int socket) { ::shutdown(socket, SHUT_RDWR); }

// Drops what hasn't been read of it too: that may be megabytes of what it is closed for.
void cut_off(int socket) {
  // As connect(2) has it: AF_UNSPEC dissolves a connection.
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  if (::connect(socket, &nobody, sizeof nobody) != 0) shut_down(socket);
}

std::uint64_t bytes_received(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_bytes_received;
}

struct Names {
  std::string peer;
  std::string connection;
};

Names names_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    const std::string peer = "ipv4:" + std::string(text.data());
    return {peer, peer + ":" + std::to_string(ntohs(v4.sin_port))};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const std::string port = ":" + std::to_string(ntohs(v6.sin6_port));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    const std::string peer = "ipv4:" + std::string(text.data());
    return {peer, peer + port};
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  const std::string peer = "ipv6:%5B" + std::string(text.data()) + "%5D";
  return {peer, peer + port};
}

}  // namespace

Status Connections::admit(int socket, const sockaddr_storage& address) {
  Names names = names_of(address);
  const MutexLock lock(mutex_);
  const auto is_full = [&]() REQUIRES(mutex_) {
    const auto at = per_peer_.find(names.peer);
    return connections_.size() >= limits_.connections_max ||
           (at != per_peer_.end() && at->second >= limits_.per_peer_max);
  };
  if (is_full()) forget_closed();
  if (is_full()) {
    return connections_.size() >= limits_.connections_max
               ? Status(Code::full, "at the limit of connections")
               : Status(Code::full, "at the limit of connections of one peer");
  }
  // A client that comes from the same port again has closed the connection it had.
  const auto old = connections_.find(names.connection);
  if (old != connections_.end()) {
    --per_peer_[old->second.peer];
    connections_.erase(old);
  }
  ++per_peer_[names.peer];
  connections_[names.connection] =
      Connection{names.connection, names.peer, socket, inode_of(socket),
                 std::make_shared<std::atomic<std::uint64_t>>(0)};
  return {};
}

MessageBytes Connections::message_bytes(std::string_view peer) const {
  const MutexLock lock(mutex_);
  const auto at = connections_.find(peer);
  return at != connections_.end() ? at->second.messages
                                  : std::make_shared<std::atomic<std::uint64_t>>(0);
}

void Connections::forget_closed() {
  for (auto at = connections_.begin(); at != connections_.end();) {
    const Connection& connection = at->second;
    if (inode_of(connection.socket) == connection.inode) {
      ++at;
      continue;
    }
    const auto peer = per_peer_.find(connection.peer);
    if (--peer->second == 0) per_peer_.erase(peer);
    at = connections_.erase(at);
  }
}

void Connections::sweep() {
  const MutexLock lock(mutex_);
  forget_closed();
  for (auto& [name, connection] : connections_) {
    const std::uint64_t received = bytes_received(connection.socket);
    const std::uint64_t came = received - std::min(received, connection.received);
    connection.received = received;
    connection.idle_talk /= 2;
    connection.idle_talk += came - std::min(came, 2 * connection.messages->exchange(0));
  }
}

std::string Connections::worst_peer() const {
  std::map<std::string_view, std::uint64_t> idle_talk;
  for (const auto& [name, connection] : connections_) {
    idle_talk[connection.peer] += connection.idle_talk;
  }
  const auto worst =
      std::max_element(idle_talk.begin(), idle_talk.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (worst == idle_talk.end() || worst->second < kIdleTalkMin) return "";
  return std::string(worst->first);
}

Connections::Closed Connections::close_worst() {
  const MutexLock lock(mutex_);
  Closed closed{worst_peer()};
  if (closed.peer.empty()) return closed;
  std::uint64_t most = 0;
  for (const auto& [name, connection] : connections_) {
    if (connection.peer == closed.peer) most = std::max(most, connection.idle_talk);
  }
  // Others may have the same address, behind a proxy.
  for (auto& [name, connection] : connections_) {
    if (connection.peer != closed.peer || connection.idle_talk < most / 2) continue;
    connection.idle_talk = 0;
    closed.connections += with_socket(connection.socket, connection.inode, cut_off) ? 1U : 0U;
  }
  return closed;
}

void Connections::close_all() {
  const MutexLock lock(mutex_);
  for (const auto& [name, connection] : connections_) {
    with_socket(connection.socket, connection.inode, shut_down);
  }
}

std::size_t Connections::open() const {
  const MutexLock lock(mutex_);
  return connections_.size();
}

}  // namespace millrace::edge
