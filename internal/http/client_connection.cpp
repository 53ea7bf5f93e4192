#include "http/client_connection.h"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <poll.h>

#include "base/parse_number.h"
#include "http/session.h"  // TcpSocket

namespace millrace::http {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;
using ResponseParser = beast_http::response_parser<beast_http::string_body>;
using Resolver = asio::ip::basic_resolver<tcp, asio::io_context::executor_type>;

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

class TcpClientConnection final : public ClientConnection,
                                  public std::enable_shared_from_this<TcpClientConnection> {
 public:
  TcpClientConnection(Reactor& reactor, const Upstream& upstream)
      : reactor_(reactor),
        upstream_(upstream),
        socket_(reactor.context()),
        resolver_(reactor.context()) {}

  void start();
  void exchange(ClientRequest request, Time deadline, ClientDone done) override;
  [[nodiscard]] bool usable() const override { return !closed_ && !done_; }
  [[nodiscard]] bool is_quiet() override;
  [[nodiscard]] bool has_sent() const override { return sent_; }
  void close() override { fail("closed by us"); }
  void on_expired() override { fail("no answer in time"); }

 private:
  void resolve();
  template <class Endpoints>
  void connect(const Endpoints& endpoints);
  void on_connected();
  void send();
  void read();
  void on_bytes(std::string_view bytes);
  void complete();
  void fail(const std::string& why);

  Reactor& reactor_;
  const Upstream upstream_;
  TcpSocket socket_;
  Resolver resolver_;
  ClientRequest request_;
  std::string head_;
  ClientDone done_;  // empty: no exchange under way
  std::optional<ResponseParser> parser_;
  std::string unparsed_;
  std::array<char, kReadBytes> buffer_;
  bool connected_ = false;
  bool sent_ = false;     // some of the request may have left
  bool writing_ = false;  // request_ is still being read from
  bool closed_ = false;
};

void TcpClientConnection::start() {
  reactor_.watch(*this);
  if (upstream_.addresses.empty()) return resolve();
  std::vector<tcp::endpoint> endpoints;
  for (const std::string& address : upstream_.addresses) {
    Error error;
    const auto parsed = asio::ip::make_address(address, error);
    const auto port = parse_number<std::uint16_t>(upstream_.port);
    if (!error && port) endpoints.emplace_back(parsed, *port);
  }
  connect(endpoints);
}

void TcpClientConnection::resolve() {
  resolver_.async_resolve(upstream_.host, upstream_.port,
                          [self = shared_from_this()](Error error, const auto& endpoints) {
                            if (self->closed_) return;
                            if (error) return self->fail(error.message());
                            self->connect(endpoints);
                          });
}

template <class Endpoints>
void TcpClientConnection::connect(const Endpoints& endpoints) {
  asio::async_connect(socket_, endpoints, [self = shared_from_this()](Error error, const auto&) {
    if (self->closed_) return;
    if (error) return self->fail(error.message());
    self->on_connected();
  });
}

void TcpClientConnection::on_connected() {
  connected_ = true;
  Error ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  read();  // at all times, so that a close by the other end is seen while idle
  if (done_) send();
}

// Not by recv(): that takes the socket's lock, for which it would wait under load.
bool TcpClientConnection::is_quiet() {
  if (!connected_ || closed_) return !closed_;
  pollfd socket{socket_.native_handle(), POLLIN | POLLRDHUP, 0};
  return ::poll(&socket, 1, 0) == 0;
}

void TcpClientConnection::exchange(ClientRequest request, Time deadline, ClientDone done) {
  request_ = std::move(request);
  done_ = std::move(done);
  expires_at = deadline;
  sent_ = false;
  if (connected_) send();
}

void TcpClientConnection::send() {
  head_.assign(method_name(request_.method)).append(" ").append(request_.target);
  head_.append(" HTTP/1.1\r\nHost: ").append(upstream_.authority).append("\r\n");
  if (!request_.content_type.empty()) {
    head_.append("Content-Type: ").append(request_.content_type).append("\r\nContent-Length: ");
    head_.append(std::to_string(request_.body.size())).append("\r\n");
  }
  head_.append("\r\n");
  parser_.emplace();
  parser_->body_limit(kResponseBytesMax);
  parser_->eager(true);
  sent_ = writing_ = true;
  const std::array<asio::const_buffer, 2> bytes = {asio::buffer(head_),
                                                   asio::buffer(request_.body)};
  asio::async_write(socket_, bytes, [self = shared_from_this()](Error error, std::size_t wrote) {
    self->writing_ = false;
    if (!error || self->closed_) return;
    self->sent_ = wrote > 0;
    self->fail(error.message());
  });
}

void TcpClientConnection::read() {
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](Error error, std::size_t got) {
                            if (self->closed_) return;
                            if (error) return self->fail("connection lost: " + error.message());
                            self->on_bytes({self->buffer_.data(), got});
                            if (!self->closed_) self->read();
                          });
}

void TcpClientConnection::on_bytes(std::string_view bytes) {
  if (!done_) return fail("bytes that nobody asked for");
  unparsed_.append(bytes);
  Error error;
  const std::size_t used = parser_->put(asio::buffer(unparsed_), error);
  unparsed_.erase(0, used);
  if (error && error != beast_http::error::need_more) {
    return fail("not an HTTP answer: " + error.message());
  }
  if (parser_->is_done()) complete();
}

void TcpClientConnection::complete() {
  auto& message = parser_->get();
  ClientResponse response{message.result_int(), std::move(message.body()), !message.keep_alive()};
  // One that came before the request was taken leaves the rest of the request on the way.
  const bool last = response.closes || !unparsed_.empty() || writing_;
  ClientDone done = std::exchange(done_, {});
  expires_at = Time::max();
  if (last) close();
  done(std::move(response));
}

void TcpClientConnection::fail(const std::string& why) {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();  // outlives the cancelled operations' handlers
  Error ignored;
  socket_.close(ignored);
  resolver_.cancel();
  if (is_linked()) unlink();
  if (!done_) return;
  const Code code = sent_ ? Code::deadline : Code::unavailable;
  ClientDone done = std::exchange(done_, {});
  done(Status(code, upstream_.label() + ": " + why));
}

}  // namespace

std::shared_ptr<ClientConnection> ClientConnection::open(Reactor& reactor,
                                                         const Upstream& upstream) {
  auto connection = std::make_shared<TcpClientConnection>(reactor, upstream);
  connection->start();
  return connection;
}

void fetch(Reactor& reactor, const Upstream& upstream, ClientRequest request, Time deadline,
           ClientDone done) {
  const auto connection = ClientConnection::open(reactor, upstream);
  // Not a shared pointer: the connection, which calls this, holds it.
  connection->exchange(std::move(request), deadline,
                       [connection = connection.get(),
                        done = std::move(done)](Result<ClientResponse> result) mutable {
                         connection->close();
                         done(std::move(result));
                       });
}

}  // namespace millrace::http
