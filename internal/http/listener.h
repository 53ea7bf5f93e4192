// A reactor's listening socket and the connections it took. Private to the server; includes Asio.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "http/session.h"

namespace millrace::http {

using TcpAcceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                       boost::asio::io_context::executor_type>;

// Keeps a descriptor in hand, so that when the process has none left it can still take a
// connection, tell its client so, and let it go, instead of leaving it to wait unheard.
class SpareDescriptor {
 public:
  SpareDescriptor();
  ~SpareDescriptor();
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;

  void release();
  void take();

 private:
  int descriptor_ = -1;
};

// Everything on the reactor's thread, but for open().
class Listener {
 public:
  Listener(Reactor& reactor, const ConversationContext& context, std::size_t connections_max,
           const SessionTimeouts& timeouts);

  // Binds with SO_REUSEPORT and listens.
  Status open(const boost::asio::ip::tcp::endpoint& endpoint);
  [[nodiscard]] std::uint16_t port() const;

  void start();
  // Takes what the system has already accepted for us and closes the socket.
  void stop_accepting();
  // Requires stop_accepting().
  void drain_connections();
  // Closes the socket and the connections as they are.
  void close();

 private:
  void wait();
  // False when there is nothing to accept, or nothing to accept it with.
  bool accept_one();
  void turn_away(TcpSocket& socket);
  void shed_without_descriptors();
  void back_off();
  void adopt(TcpSocket socket);
  void close_socket();
  [[nodiscard]] std::vector<std::shared_ptr<Session>> open_sessions() const;

  Reactor& reactor_;
  const ConversationContext& context_;
  const std::size_t connections_max_;
  const SessionTimeouts timeouts_;
  TcpAcceptor acceptor_;
  boost::asio::steady_timer retry_;
  SpareDescriptor spare_;
  std::unordered_map<Session*, std::shared_ptr<Session>> sessions_;
};

}  // namespace millrace::http
