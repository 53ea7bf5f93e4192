// One client connection's HTTP, with no socket in it: bytes in, handlers called, bytes out in the
// order of the requests (RFC 9112, 9.3.2), however late or out of order the handlers answer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/reply.h"
#include "http/request_reader.h"
#include "http/router.h"
#include "http/server_metrics.h"

namespace millrace::http {

// Bounds on one connection; beyond them it isn't read further.
inline constexpr std::size_t kPipelinedMax = 64;
inline constexpr std::size_t kOutputBytesMax = 1024 * 1024;

// What all conversations of a server share. Outlives them.
struct ConversationContext {
  const Router& router;
  ServerMetrics& metrics;
  const Clock& clock;
};

// Not thread-safe: everything, replies included, on the connection's thread.
class Conversation final : public ReplyTarget, public std::enable_shared_from_this<Conversation> {
 public:
  // `on_output` is called when an answer that came late has bytes to send or ends the conversation;
  // not while receive() runs.
  Conversation(const ConversationContext& context, std::function<void()> on_output);

  // Takes all bytes; what is beyond the pipelining bounds waits inside until resume().
  void receive(std::string_view bytes);
  // The client will send no more (it may still read).
  void end_of_input();
  // Goes on with what waited inside, once output was taken.
  void resume();

  // Bytes to send, in order. The owner erases what it has sent.
  [[nodiscard]] std::string& output() { return output_; }

  [[nodiscard]] bool wants_input() const;
  // No more bytes will come out: close once output() is sent.
  [[nodiscard]] bool finished() const;
  // Ended by an error with the client still sending: its bytes are to be drained before closing, or
  // it may never see the answer.
  [[nodiscard]] bool must_linger() const { return linger_; }

  // What the connection waits for, which decides how long it may.
  enum class Phase : std::uint8_t { idle, reading, handling };
  [[nodiscard]] Phase phase() const;
  // In the middle of a body that is handed out as it comes.
  [[nodiscard]] bool is_streaming() const { return streaming_ != nullptr; }
  // Requests read so far.
  [[nodiscard]] std::uint64_t requests() const { return first_exchange_ + exchanges_.size(); }

  // The client took too long: 408 when a request had begun. finished() afterwards.
  void time_out();
  // Answers what it has, says "Connection: close" with it, and ends. One that has nothing ends at
  // once, or, if it is to wait, with the answer to one more request, or time_out().
  void begin_drain(bool waits_for_one_more = false);
  // The connection is gone: answers are dropped from here on.
  void abandon();

  void answer(std::uint64_t exchange, Response response) override;
  void dropped(std::uint64_t exchange) override;

 private:
  // One request that has no answer in `output_` yet.
  struct Exchange {
    const Route* route = nullptr;  // null: not one of ours
    Method method = Method::other;
    unsigned version = 11;
    bool keep_alive = true;
    bool answered = false;
    std::optional<Response> otherwise{};  // when its handler gives none
    std::string request_id;
    Time began;
    Response response;  // once answered
  };

  void advance(std::string_view& input);
  void on_header();
  void on_request();
  void begin_stream(const Route& route);
  void on_body_part();
  void on_body_end();
  void resume_stream(std::uint64_t exchange);
  // Ends a stream whose client has ended before its body did.
  void end_cut_stream();
  void give_up_stream(unsigned status, std::string_view detail);
  void refuse_rest();
  template <class Act>
  static bool guarded(const Route& route, std::string_view request_id, Act act);
  // Requests that are read and have no answer yet.
  [[nodiscard]] std::size_t handling() const {
    return exchanges_.size() - (is_streaming() ? 1U : 0U);
  }
  void dispatch(const Route* route, const Request& request, std::uint64_t exchange);
  void handle(const Route& route, const Request& request, Reply reply);
  void refuse(unsigned status, std::string_view detail);
  void send_continue();
  std::uint64_t open_exchange(const Request& request, const Route* route);
  Exchange& waiting(std::uint64_t exchange);
  [[nodiscard]] bool is_over(std::uint64_t exchange);
  void emit_ready();
  void emit(Exchange& exchange);
  static void log(const Exchange& exchange, unsigned status, Duration took);

  const ConversationContext& context_;
  std::function<void()> on_output_;
  RequestReader reader_;
  std::deque<Exchange> exchanges_;
  std::uint64_t first_exchange_ = 0;  // the number of exchanges_.front()
  std::string output_;
  std::string backlog_;                       // received, not yet read
  std::string request_id_;                    // the current request's
  Router::Match match_ = Router::NotFound{};  // the current request's
  const Route* streaming_ = nullptr;          // whose body is arriving at a sink
  std::shared_ptr<BodySink> sink_;            // null: it isn't wanted any more
  bool sink_is_full_ = false;
  bool step_due_ = false;      // a bound was reached before all input was looked at
  bool continue_due_ = false;  // the client waits for a 100 before it sends the body
  bool receiving_ = false;
  bool input_ended_ = false;
  bool closing_ = false;  // no further request will be read
  bool linger_ = false;
  bool draining_ = false;
  bool waits_for_one_more_ = false;  // while draining
  bool abandoned_ = false;
};

}  // namespace millrace::http
