#include "http/session.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace millrace::http {

namespace asio = boost::asio;
using Error = boost::system::error_code;

namespace {

// Shared by a thread's sessions: an idle connection holds no read buffer, which is what keeps ten
// thousand of them cheap.
constexpr std::size_t kScratchBytes = 64 * 1024;
// A refused client that sends nothing for so long is cut off.
constexpr std::chrono::milliseconds kLinger{2'000};
// A request that is arriving when the drain begins has this long.
constexpr std::chrono::milliseconds kDrainRead{2'000};

std::span<char> scratch() {
  thread_local std::array<char, kScratchBytes> buffer;
  return buffer;
}

}  // namespace

Session::Session(TcpSocket socket, Reactor& reactor, const ConversationContext& context,
                 const SessionTimeouts& timeouts, std::function<void(Session&)> on_closed)
    : socket_(std::move(socket)),
      reactor_(reactor),
      metrics_(context.metrics),
      timeouts_(timeouts),
      on_closed_(std::move(on_closed)),
      conversation_(std::make_shared<Conversation>(context, [this] { flush_later(); })) {}

void Session::start() {
  Error ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  reactor_.watch(*this);
  expires_at = std::chrono::steady_clock::now() + timeouts_.idle;
  wait_readable();
}

void Session::wait_readable() {
  if (reading_ || closed_) return;
  reading_ = true;
  socket_.async_wait(TcpSocket::wait_read, [self = shared_from_this()](Error error) {
    self->reading_ = false;
    if (!error && !self->closed_) self->on_readable();
  });
}

void Session::on_readable() {
  Error error;
  const auto buffer = scratch();
  const std::size_t got = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
  if (error == asio::error::would_block) return wait_readable();
  if (error && error != asio::error::eof) return close();
  if (lingering_) return error ? close() : linger_on();
  if (error) {
    conversation_->end_of_input();
  } else {
    conversation_->receive({buffer.data(), got});
  }
  flush();
}

void Session::flush_later() {
  // Answers of one upstream batch come one after the other: one write for all of them.
  if (flush_due_ || closed_) return;
  flush_due_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->flush_due_ = false;
    if (!self->closed_) self->flush();
  });
}

void Session::flush() {
  while (!writing_) {
    if (!send_output()) return;
    if (writing_) break;
    conversation_->resume();
    if (conversation_->output().empty()) break;
  }
  after_flush();
}

// False when the connection was closed.
bool Session::send_output() {
  std::string& output = conversation_->output();
  while (sent_ < output.size()) {
    Error error;
    const auto rest = asio::buffer(output.data() + sent_, output.size() - sent_);
    const std::size_t wrote = socket_.write_some(rest, error);
    if (error == asio::error::would_block) {
      wait_writable();
      return true;
    }
    if (error) {
      close();
      return false;
    }
    sent_ += wrote;
  }
  output.clear();
  sent_ = 0;
  if (output.capacity() > kScratchBytes) std::string().swap(output);
  return true;
}

void Session::wait_writable() {
  writing_ = true;
  expires_at = std::chrono::steady_clock::now() + timeouts_.read;
  socket_.async_wait(TcpSocket::wait_write, [self = shared_from_this()](Error error) {
    self->writing_ = false;
    if (!error && !self->closed_) self->flush();
  });
}

void Session::after_flush() {
  if (writing_) return;
  if (conversation_->finished()) return finish();
  update_deadline();
  if (conversation_->wants_input()) wait_readable();
}

void Session::update_deadline() {
  const auto phase = conversation_->phase();
  const std::uint64_t requests = conversation_->requests();
  const bool in_body = conversation_->is_streaming();
  const bool same = requests == requests_ && in_body == in_body_;
  // The time to arrive is counted from the first byte of a head, or of a streamed body, not from
  // the latest.
  if (same && phase == Conversation::Phase::reading && phase_ == phase) return;
  const Time now = std::chrono::steady_clock::now();
  if (!same || !in_body) {
    reading_left_ = time_to_read();
  } else if (phase_ == Conversation::Phase::reading) {
    reading_left_ = std::max(expires_at - now, Duration(0));  // while its sink is full
  }
  phase_ = phase;
  requests_ = requests;
  in_body_ = in_body;
  switch (phase) {
    case Conversation::Phase::idle:
      expires_at = std::min(now + Duration(timeouts_.idle), idle_until_);
      break;
    case Conversation::Phase::reading:
      expires_at = now + std::min(reading_left_, time_to_read());
      break;
    case Conversation::Phase::handling:
      expires_at = Time::max();
      break;
  }
}

Duration Session::time_to_read() const {
  return draining_ ? std::min(kDrainRead, timeouts_.read) : timeouts_.read;
}

void Session::finish() {
  if (conversation_->must_linger() && !lingering_) return linger();
  if (!lingering_) close();
}

void Session::linger() {
  // Closing with unread bytes would reset the connection and take the answer with it.
  lingering_ = true;
  Error ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
  const Time now = std::chrono::steady_clock::now();
  linger_until_ = now + kLinger;
  if (!draining_) {
    linger_until_ = std::max(
        linger_until_, phase_ == Conversation::Phase::reading ? expires_at : now + time_to_read());
  }
  linger_on();
}

// As long as the client goes on sending what nobody reads, within the time it had to send it all.
void Session::linger_on() {
  expires_at = std::min<Time>(std::chrono::steady_clock::now() + kLinger, linger_until_);
  wait_readable();
}

void Session::begin_drain() {
  const Time now = std::chrono::steady_clock::now();
  draining_ = true;
  idle_until_ = now + timeouts_.drain_grace;
  linger_until_ = std::min<Time>(linger_until_, now + kLinger);
  conversation_->begin_drain(timeouts_.drain_grace > Duration(0));
  if (phase_ == Conversation::Phase::reading) {
    expires_at = std::min(expires_at, now + Duration(kDrainRead));
  } else if (phase_ == Conversation::Phase::idle && !lingering_ && !writing_) {
    expires_at = std::min(expires_at, idle_until_);
  }
  // What the client has sent by now is taken: to close over it would reset the connection.
  if (reading_ && !lingering_) on_readable();
  // What flush_later() was to send is sent, before the connection may be closed.
  if (!closed_ && !writing_) flush();
}

bool Session::look_once_more() {
  const std::uint64_t before = conversation_->requests();
  if (reading_) on_readable();
  return closed_ || conversation_->requests() != before ||
         conversation_->phase() != Conversation::Phase::idle;
}

void Session::on_expired() {
  if (lingering_) return close();
  const auto self = shared_from_this();
  const bool idle = !writing_ && conversation_->phase() == Conversation::Phase::idle;
  // What came in the last moment came in time: to close over it would leave it without an answer.
  if (idle && look_once_more()) return;
  const bool reading = conversation_->phase() == Conversation::Phase::reading;
  if (writing_ || reading) metrics_.connections_timed_out.add();
  if (writing_) return close();
  conversation_->time_out();
  flush();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  conversation_->abandon();
  Error ignored;
  socket_.close(ignored);
  if (is_linked()) unlink();
  on_closed_(*this);
}

}  // namespace millrace::http
