#include "edge/grpc/stream_session.h"

#include <algorithm>

#include "edge/grpc/call_status.h"
#include "edge/grpc/request_codec.h"

namespace millrace::edge {
namespace {

std::string in_words(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

// A stream without a key has none for its messages. With one they have it and their place: the same
// stream sent again is the same messages.
std::string key_of(const std::string& call_key, std::uint64_t index) {
  return call_key.empty() ? std::string() : call_key + "/" + std::to_string(index);
}

StreamIntake::Publish publish_through(CallContext& context, Time deadline) {
  return [&context, deadline](std::vector<Result<IngestItem>> items, IngestDone done) {
    const Time latest = std::chrono::steady_clock::now() + context.limits.request_timeout;
    context.core.ingest_through(context.patient, std::move(items), std::min(deadline, latest),
                                std::move(done));
  };
}

}  // namespace

StreamSession::StreamSession(CallContext& context, Call call, StreamTransport& transport)
    : context_(context),
      began_(std::chrono::steady_clock::now()),
      deadline_(call.deadline()),
      call_(std::move(call)),
      transport_(transport),
      active_(began_) {}

std::shared_ptr<StreamSession> StreamSession::open(CallContext& context, Call call,
                                                   StreamTransport& transport) {
  auto session = std::make_shared<StreamSession>(context, std::move(call), transport);
  session->begin();
  return session;
}

void StreamSession::begin() {
  intake_ = std::make_shared<StreamIntake>(publish_through(context_, deadline_), context_.executor,
                                           context_.held, weak_from_this());
  context_.calls.add();
  context_.streams.add(shared_from_this());
  const MutexLock lock(mutex_);
  if (context_.draining) end_ = {grpc::StatusCode::UNAVAILABLE, kShuttingDown};
  if (!end_) read_next();
  finish_if_over();
}

void StreamSession::read_next() {
  reading_ = true;
  transport_.read();
}

void StreamSession::on_read(bool ok, grpc::ByteBuffer& buffer) {
  std::string key;
  {
    const MutexLock lock(mutex_);
    reading_ = false;
    touched_ = true;
    if (!ok) input_over_ = true;
    if (!ok || end_) return finish_if_over();
    call_.received(buffer.Length());
    if (!call_.idempotency_key().empty()) {
      key = key_of(call_.idempotency_key(), intake_->progress().received);
    }
  }
  const std::size_t bytes = buffer.Length();
  if (intake_->add(decode_request(buffer, context_.limits.message_bytes_max, key), bytes)) {
    on_room();
  }
}

void StreamSession::on_room() {
  const MutexLock lock(mutex_);
  if (end_ || finished_ || input_over_) return;
  if (transport_.is_congested()) {
    room_parked_ = true;
    return;
  }
  read_next();
}

void StreamSession::on_told(bool ok) {
  const MutexLock lock(mutex_);
  transport_.told(ok);
  touched_ = true;
  if (room_parked_ && !transport_.is_congested() && !end_ && !finished_) {
    room_parked_ = false;
    read_next();
  }
  finish_if_over();
}

void StreamSession::on_verdicts(std::uint64_t first, const std::vector<IngestAnswer>& answers) {
  const MutexLock lock(mutex_);
  if (!finished_) transport_.tell(first, answers);
}

void StreamSession::on_idle() {
  const MutexLock lock(mutex_);
  touched_ = true;
  finish_if_over();
}

void StreamSession::on_cancel() {
  intake_->discard();
  const MutexLock lock(mutex_);
  const bool late = std::chrono::steady_clock::now() >= deadline_;
  end_ = late ? End{grpc::StatusCode::DEADLINE_EXCEEDED, "the client's deadline is over"}
              : End{grpc::StatusCode::CANCELLED, "cancelled by the client"};
  finish_if_over();
}

void StreamSession::stop(grpc::StatusCode code, const std::string& why) {
  const MutexLock lock(mutex_);
  if (end_ || input_over_) return;
  end_ = End{code, why};
  finish_if_over();
}

void StreamSession::tick(Time now) {
  using enum grpc::StatusCode;
  const CallLimits& limits = context_.limits;
  bool told_all = true;
  bool idle = false;
  {
    const MutexLock lock(mutex_);
    if (finished_) return;
    if (std::exchange(touched_, false)) active_ = now;
    told_all = transport_.has_told_all();
    idle = now - active_ > limits.stream_idle_max;
    // Who doesn't read what he is told won't read a status either.
    if (idle && !told_all) return transport_.cancel();
    idle = idle && reading_;
  }
  if (idle && intake_->idle()) {
    return stop(DEADLINE_EXCEEDED, "no message for " + in_words(limits.stream_idle_max));
  }
  if (limits.stream_age_max.count() > 0 && now - began_ > limits.stream_age_max) {
    stop(UNAVAILABLE,
         "the stream is older than " + in_words(limits.stream_age_max) + ", open another");
  }
}

void StreamSession::finish_if_over() {
  if (finished_ || (!input_over_ && !end_) || !intake_->idle()) return;
  if (!transport_.has_told_all()) return;
  const StreamProgress progress = intake_->progress();
  const grpc::Status status =
      end_ ? to_grpc(end_->code, end_->why, progress) : transport_.conclude(progress);
  finished_ = true;
  outcome_ = status;
  transport_.finish(status);
}

void StreamSession::on_done() {
  {
    // Only now it is known whether the client was still there: to begin with, its going looks like
    // the end of its messages.
    const MutexLock lock(mutex_);
    const bool gone = end_ && end_->code != outcome_.error_code();
    call_.finish(gone ? grpc::Status(end_->code, end_->why) : outcome_,
                 intake_->progress().last_message_id);
  }
  context_.streams.remove(shared_from_this());
  context_.calls.remove();
}

}  // namespace millrace::edge
