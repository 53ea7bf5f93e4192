#include "http/listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/uuid.h"
#include "http/hold_off.h"
#include "http/problem.h"
#include "http/response_writer.h"
#include "observe/log.h"

namespace millrace::http {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

namespace {

// One turn of the loop takes this many connections at most, so that those it has are served too.
constexpr int kAcceptsPerTurn = 64;
// How soon accepting is tried again after the descriptors ran out.
constexpr std::chrono::milliseconds kBackOff{100};

bool out_of_descriptors(const Error& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space ||
         error == boost::system::errc::not_enough_memory;
}

}  // namespace

SpareDescriptor::SpareDescriptor() { take(); }
SpareDescriptor::~SpareDescriptor() { release(); }

void SpareDescriptor::take() {
  if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void SpareDescriptor::release() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Listener::Listener(Reactor& reactor, const ConversationContext& context,
                   std::size_t connections_max, const SessionTimeouts& timeouts)
    : reactor_(reactor),
      context_(context),
      connections_max_(connections_max),
      timeouts_(timeouts),
      acceptor_(reactor.context()),
      retry_(reactor.context()) {}

Status Listener::open(const asio::ip::tcp::endpoint& endpoint) {
  Error error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (error) return {Code::unavailable, error.message()};
  return {};
}

std::uint16_t Listener::port() const { return acceptor_.local_endpoint().port(); }

void Listener::start() { wait(); }

void Listener::wait() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_wait(TcpAcceptor::wait_read, [this](Error error) {
    if (error || !acceptor_.is_open()) return;
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      if (!accept_one()) break;
    }
    if (retry_.expiry() <= std::chrono::steady_clock::now()) wait();
  });
}

bool Listener::accept_one() {
  Error error;
  TcpSocket socket(reactor_.context());
  acceptor_.accept(socket, error);
  if (out_of_descriptors(error)) {
    shed_without_descriptors();
    back_off();
    return false;
  }
  if (error == asio::error::would_block) return false;
  if (error) return true;  // the client was gone before we came: the next one
  spare_.take();           // another thread may have got it when the descriptors ran out
  if (context_.metrics.connections_open->count() >= static_cast<std::int64_t>(connections_max_)) {
    turn_away(socket);
  } else {
    adopt(std::move(socket));
  }
  return true;
}

void Listener::turn_away(TcpSocket& socket) {
  const auto fresh = Uuid::v7().chars();
  const std::string_view request_id(fresh.data(), fresh.size());
  std::string answer;
  append_response(answer, problem(503, "no connection is free, try again", request_id),
                  {.keep_alive = false, .request_id = request_id});
  Error ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(answer), ignored);
  context_.metrics.connections_refused.add();
  static observe::Throttle throttle(std::chrono::seconds(1));
  if (const auto pass = throttle.pass()) {
    observe::warn("connection refused", {{"why", "at the limit of connections or descriptors"},
                                         {"limit", connections_max_},
                                         {"suppressed", pass.suppressed}});
  }
}

void Listener::shed_without_descriptors() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    spare_.release();
    Error error;
    {
      TcpSocket socket(reactor_.context());
      acceptor_.accept(socket, error);
      if (!error) turn_away(socket);
    }
    spare_.take();
    if (error) return;
  }
}

void Listener::back_off() {
  retry_.expires_after(kBackOff);
  retry_.async_wait([this](Error error) {
    if (!error) wait();
  });
}

void Listener::adopt(TcpSocket socket) {
  auto session = std::make_shared<Session>(std::move(socket), reactor_, context_, timeouts_,
                                           [this](Session& closed) {
                                             sessions_.erase(&closed);
                                             context_.metrics.connections_open->remove();
                                           });
  context_.metrics.connections_accepted.add();
  context_.metrics.connections_open->add();
  sessions_.emplace(session.get(), session);
  session->start();
}

void Listener::stop_accepting() {
  if (acceptor_.is_open()) hold_off_newcomers(acceptor_.native_handle());
  // No more than that can wait; without a bound an error that stays would hold the thread for ever.
  for (int i = 0; i < SOMAXCONN && acceptor_.is_open() && accept_one(); ++i) {
  }
  close_socket();
}

void Listener::drain_connections() {
  for (const auto& session : open_sessions()) session->begin_drain();
}

void Listener::close() {
  close_socket();
  for (const auto& session : open_sessions()) session->close();
}

void Listener::close_socket() {
  Error ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

// A copy: a session that closes leaves the list.
std::vector<std::shared_ptr<Session>> Listener::open_sessions() const {
  std::vector<std::shared_ptr<Session>> open;
  open.reserve(sessions_.size());
  for (const auto& [key, session] : sessions_) open.push_back(session);
  return open;
}

}  // namespace millrace::http
