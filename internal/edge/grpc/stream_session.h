// The life of a stream of messages, whichever way it is answered: read, gather, publish, end.
#pragma once

#include <atomic>
#include <grpcpp/support/byte_buffer.h>
#include <memory>
#include <optional>
#include <string>

#include "edge/grpc/call.h"
#include "edge/grpc/call_context.h"
#include "edge/intake/stream_intake.h"

namespace millrace::edge {

// gRPC's side of a stream. Called with the session's lock held, never after finish(); none of these
// calls back before it returns.
class StreamTransport {
 public:
  virtual ~StreamTransport() = default;
  // Then StreamSession::on_read() is called once.
  virtual void read() = 0;
  // Verdicts to be told now, as far as this kind of stream tells them.
  virtual void tell(std::uint64_t first, const std::vector<IngestAnswer>& answers) = 0;
  // What was being sent is sent, or never will be.
  virtual void told(bool ok) = 0;
  // Too much that was told hasn't been read: nothing more should come for now.
  [[nodiscard]] virtual bool is_congested() const = 0;
  // Everything told is on its way.
  [[nodiscard]] virtual bool has_told_all() const = 0;
  // The status of a stream that the client ended, with the answer prepared.
  virtual grpc::Status conclude(const StreamProgress& progress) = 0;
  virtual void finish(const grpc::Status& status) = 0;
  // Gives the stream up, whatever is under way.
  virtual void cancel() = 0;
};

// Thread-safe.
class StreamSession final : public IntakeListener,
                            public OpenStream,
                            public std::enable_shared_from_this<StreamSession> {
 public:
  // `transport` lives until on_done(); the context outlives the session.
  static std::shared_ptr<StreamSession> open(CallContext& context, Call call,
                                             StreamTransport& transport);
  // For open().
  StreamSession(CallContext& context, Call call, StreamTransport& transport);

  // From the transport: a read's end, with a message or, when it isn't `ok`, without.
  void on_read(bool ok, grpc::ByteBuffer& buffer) EXCLUDES(mutex_);
  // What tell() or told() began to send is sent, or never will be.
  void on_told(bool ok) EXCLUDES(mutex_);
  void on_cancel() EXCLUDES(mutex_);
  // The transport is gone.
  void on_done() EXCLUDES(mutex_);

  void tick(Time now) override EXCLUDES(mutex_);
  void stop(grpc::StatusCode code, const std::string& why) override EXCLUDES(mutex_);

  void on_verdicts(std::uint64_t first, const std::vector<IngestAnswer>& answers) override
      EXCLUDES(mutex_);
  void on_room() override EXCLUDES(mutex_);
  void on_idle() override EXCLUDES(mutex_);

 private:
  struct End {
    grpc::StatusCode code;
    std::string why;
  };

  void begin() EXCLUDES(mutex_);
  void read_next() REQUIRES(mutex_);
  // Of what was read, once there is room for its bytes.
  void add(grpc::ByteBuffer& buffer) EXCLUDES(mutex_);
  void read_if_room() REQUIRES(mutex_);
  // What is told, or the status, has found no reader for too long.
  [[nodiscard]] bool is_stuck(Time now) const REQUIRES(mutex_);
  void finish_if_over() REQUIRES(mutex_);

  CallContext& context_;
  const Time began_;
  const Time deadline_;  // the client's
  const std::string call_key_;
  std::shared_ptr<StreamIntake> intake_;
  std::atomic<bool> cancelled_{false};

  Mutex mutex_;
  Call call_ GUARDED_BY(mutex_);
  StreamTransport& transport_ GUARDED_BY(mutex_);
  bool reading_ GUARDED_BY(mutex_) = false;
  bool adding_ GUARDED_BY(mutex_) = false;  // what was read isn't in the intake yet
  bool room_ GUARDED_BY(mutex_) = false;    // in the intake, for the next
  bool input_over_ GUARDED_BY(mutex_) = false;
  std::optional<End> end_ GUARDED_BY(mutex_);  // before the client's
  bool finished_ GUARDED_BY(mutex_) = false;
  grpc::Status outcome_ GUARDED_BY(mutex_);  // once finished
  bool touched_ GUARDED_BY(mutex_) = false;  // something came or went since the last tick
  Time active_ GUARDED_BY(mutex_);           // the tick that saw it
};

}  // namespace millrace::edge
