#include "http/server.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/listener.h"

namespace millrace::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

// SO_REUSEPORT lets a second process of ours share the port, unnoticed where that isn't wanted; a
// bind without it tells.
Status check_free(const tcp::endpoint& endpoint) {
  asio::io_context context;
  tcp::acceptor probe(context);
  Error error;
  probe.open(endpoint.protocol(), error);
  if (!error) probe.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) probe.bind(endpoint, error);
  if (error) return {Code::unavailable, error.message()};
  return {};
}

}  // namespace

struct Server::Impl {
  Impl(ReactorPool& pool, Router routes, const ServerOptions& server_options,
       observe::Registry& registry)
      : reactors(pool),
        router(std::move(routes)),
        options(server_options),
        metrics(registry, router) {}

  ReactorPool& reactors;
  const Router router;
  const ServerOptions options;
  ServerMetrics metrics;
  std::atomic<std::size_t> listening{0};  // reactors that do, once stop_accepting() was called
  const ConversationContext context{router, metrics, system_clock()};
  std::vector<std::unique_ptr<Listener>> listeners;
};

Server::Server(ReactorPool& reactors, Router router, const ServerOptions& options,
               observe::Registry& registry)
    : impl_(std::make_unique<Impl>(reactors, std::move(router), options, registry)) {}

Server::~Server() {
  if (impl_->listeners.empty()) return;
  // Handlers that were due already when the sockets were closed run before the listeners go, each
  // on its own thread.
  abort();
  impl_->reactors.run_on_each([this](std::size_t i, Reactor&) { impl_->listeners[i].reset(); });
}

Status Server::start() {
  Error error;
  const auto address = asio::ip::make_address(impl_->options.bind_address, error);
  if (error) return {Code::invalid, impl_->options.bind_address + ": not an IP address"};
  tcp::endpoint endpoint(address, impl_->options.port);
  const auto describe = [&](const Status& why) {
    return Status(why.code(), "can't listen on " + impl_->options.bind_address + " port " +
                                  std::to_string(endpoint.port()) + ": " + why.text());
  };
  if (endpoint.port() != 0 && !impl_->options.share_port) {
    if (Status taken = check_free(endpoint); !taken.ok()) return describe(taken);
  }
  const SessionTimeouts timeouts{impl_->options.read_timeout, impl_->options.idle_timeout,
                                 impl_->options.drain_grace};
  std::vector<std::unique_ptr<Listener>> listeners;
  for (std::size_t i = 0; i < impl_->reactors.size(); ++i) {
    auto listener = std::make_unique<Listener>(impl_->reactors[i], impl_->context,
                                               impl_->options.connections_max, timeouts);
    if (Status failed = listener->open(endpoint); !failed.ok()) return describe(failed);
    endpoint.port(listener->port());
    listeners.push_back(std::move(listener));
  }
  impl_->listeners = std::move(listeners);
  impl_->reactors.run_on_each([this](std::size_t i, Reactor&) { impl_->listeners[i]->start(); });
  return {};
}

// A client that is told to leave connects anew at once. So nobody is told before the last listener
// is closed: it would come to that one, just before its end.
void Server::stop_accepting() {
  impl_->listening = impl_->listeners.size();
  for (std::size_t i = 0; i < impl_->listeners.size(); ++i) {
    impl_->reactors[i].post([this, i] {
      impl_->listeners[i]->stop_accepting();
      if (--impl_->listening == 0) drain_connections();
    });
  }
}

void Server::drain_connections() {
  for (std::size_t i = 0; i < impl_->listeners.size(); ++i) {
    impl_->reactors[i].dispatch(
        [listener = impl_->listeners[i].get()] { listener->drain_connections(); });
  }
}

Status Server::drain(Time deadline) {
  // What stop_accepting() posted has run after this, so the count only falls.
  if (!impl_->listeners.empty()) impl_->reactors.run_on_each([](std::size_t, Reactor&) {});
  if (impl_->metrics.connections_open->wait_until_none(deadline)) return {};
  const auto open = impl_->metrics.connections_open->count();
  return {Code::deadline, std::to_string(open) + " connections did not finish"};
}

void Server::abort() {
  if (impl_->listeners.empty()) return;
  impl_->reactors.run_on_each([this](std::size_t i, Reactor&) { impl_->listeners[i]->close(); });
}

std::uint16_t Server::port() const { return impl_->listeners.at(0)->port(); }

}  // namespace millrace::http
