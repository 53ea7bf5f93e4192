// A connection to NATS that keeps itself up: made by a thread of its own, made again with backoff
// and jitter whenever it is lost, and used only when what hangs on it was prepared.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "queue/nats/nats_gate.h"
#include "queue/nats/nats_handles.h"
#include "queue/nats/nats_options.h"

namespace millrace::queue {

// Thread-safe, but for start() and stop().
class NatsLink {
 public:
  // `prepare` makes sure that the streams and consumers are there. It runs on the link's thread
  // after each connect, reconnect and recheck(), again and again until it is ok. `publishing` goes
  // into the JetStream context.
  using Prepare = std::function<Status(jsCtx& js)>;
  NatsLink(const NatsOptions& options, std::string name, Prepare prepare,
           jsOptions::jsOptionsPublishAsync publishing = {});
  ~NatsLink() { stop(); }

  void start();
  // Ends the link's thread, at most a second later. The session lives as long as somebody has it.
  void stop();

  // The session that is up and prepared, or nothing: health() says why.
  [[nodiscard]] std::shared_ptr<NatsSession> session() const EXCLUDES(mutex_);
  // The same without looking whether it is up: for what was begun on it.
  [[nodiscard]] Status health() const EXCLUDES(mutex_);

  // Something that should be there wasn't: prepare again.
  void recheck() EXCLUDES(mutex_);

 private:
  enum class Event : std::uint8_t { disconnected, reconnected, closed };

  void run(const std::stop_token& stop);
  std::shared_ptr<NatsSession> connect(Status& failed);
  Status make_options(natsOptions* options);
  // Until the session is closed for good.
  void look_after(const std::shared_ptr<NatsSession>& session, const std::stop_token& stop);
  void on_event(Event event) EXCLUDES(mutex_);
  void set_health(Status health) EXCLUDES(mutex_);
  void pause(Duration time, const std::stop_token& stop) EXCLUDES(mutex_);
  [[nodiscard]] Duration backoff(unsigned attempt) const;

  template <Event event>
  static void callback(natsConnection* connection, void* closure);
  static std::int64_t reconnect_delay(natsConnection* connection, int attempts, void* closure);

  const NatsOptions options_;
  const std::string name_;
  const std::string address_;  // the servers, without any password
  const Prepare prepare_;
  const jsOptions::jsOptionsPublishAsync publishing_;
  NatsGate<NatsLink>& gate_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<NatsSession> session_ GUARDED_BY(mutex_);
  Status health_ GUARDED_BY(mutex_);
  bool connected_ GUARDED_BY(mutex_) = false;
  bool prepared_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;

  std::jthread thread_;  // last: it uses the members above
};

}  // namespace millrace::queue
