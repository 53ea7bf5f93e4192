// A client's connection: the socket under a Conversation. Private to the server; includes Asio.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "http/conversation.h"
#include "http/reactor.h"

namespace millrace::http {

using TcpSocket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

struct SessionTimeouts {
  std::chrono::milliseconds read;
  std::chrono::milliseconds idle;
  std::chrono::milliseconds drain_grace{0};  // of idle ones, for one more request
};

// Kept alive by its owner's list (until `on_closed`) and by its own pending operations. Everything
// on the reactor's thread.
class Session final : public Expirable, public std::enable_shared_from_this<Session> {
 public:
  Session(TcpSocket socket, Reactor& reactor, const ConversationContext& context,
          const SessionTimeouts& timeouts, std::function<void(Session&)> on_closed);

  void start();
  // Finishes what is under way, then closes; idle ones close now, or after their grace.
  void begin_drain();
  // Closes now, whatever is under way.
  void close();

  void on_expired() override;

 private:
  void wait_readable();
  void on_readable();
  void flush();
  void flush_later();
  bool send_output();
  void wait_writable();
  void after_flush();
  void finish();
  void linger();
  void linger_on();
  void update_deadline();
  // Takes what the client has sent by now. False when that was nothing.
  bool look_once_more();
  [[nodiscard]] Duration time_to_read() const;

  TcpSocket socket_;
  Reactor& reactor_;
  ServerMetrics& metrics_;
  const SessionTimeouts timeouts_;
  std::function<void(Session&)> on_closed_;
  std::shared_ptr<Conversation> conversation_;
  std::size_t sent_ = 0;  // of the conversation's output
  Conversation::Phase phase_ = Conversation::Phase::idle;
  std::uint64_t requests_ = 0;
  bool in_body_ = false;           // a streamed one
  Duration reading_left_{};        // of the time to read this request, while it isn't read
  Time idle_until_ = Time::max();  // the end of the grace, while draining
  bool reading_ = false;
  bool writing_ = false;
  bool flush_due_ = false;
  bool draining_ = false;
  bool lingering_ = false;
  Time linger_until_ = Time::max();  // at most
  bool closed_ = false;
};

}  // namespace millrace::http
