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

StreamIntake::Publish publish_through(CallContext& context, Time deadline,
                                      queue::IsCancelled is_cancelled) {
  return [&context, deadline, is_cancelled = std::move(is_cancelled)](
             std::vector<Result<IngestItem>> items, IngestDone done) {
    const Time latest = std::chrono::steady_clock::now() + context.limits.request_timeout;
    context.core.ingest_through(
        [&](std::vector<Message> batch, Time until, queue::PublishDone judged) {
          context.patient.publish_unless(is_cancelled, std::move(batch), until, std::move(judged));
        },
        std::move(items), std::min(deadline, latest), std::move(done));
  };
}

}  // namespace

StreamSession::StreamSession(CallContext& context, Call call, StreamTransport& transport)
    : context_(context),
      began_(std::chrono::steady_clock::now()),
      deadline_(call.deadline()),
      call_key_(call.idempotency_key()),
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
  const auto is_cancelled = [weak = weak_from_this()] {
    const auto self = weak.lock();
    return self == nullptr || self->cancelled_;
  };
  intake_ = std::make_shared<StreamIntake>(publish_through(context_, deadline_, is_cancelled),
                                           context_.executor, context_.held, weak_from_this());
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
  const std::size_t bytes = buffer.Length();
  {
    const MutexLock lock(mutex_);
    reading_ = false;
    touched_ = true;
    if (!ok) input_over_ = true;
    if (!ok || end_) return finish_if_over();
    adding_ = true;
    call_.received(bytes);
  }
  // gRPC has it, and counts it in its quota; what we make of it is in ours.
  if (context_.held.try_take(bytes)) return add(buffer);
  context_.held.take_later(bytes, [self = shared_from_this(), &buffer] { self->add(buffer); });
}

void StreamSession::add(grpc::ByteBuffer& buffer) {
  const std::uint64_t bytes = buffer.Length();
  const std::uint64_t place = call_key_.empty() ? 0 : intake_->progress().received + 1;
  auto item = decode_request(buffer, context_.limits.message_bytes_max, call_key_, place);
  buffer.Clear();
  const std::uint64_t overhead = memory_overhead(item);
  if (overhead > 0) context_.held.take_more(overhead);
  const bool room = intake_->add(std::move(item), bytes + overhead);
  const MutexLock lock(mutex_);
  adding_ = false;
  room_ |= room;
  read_if_room();
  finish_if_over();
}

void StreamSession::on_room() {
  const MutexLock lock(mutex_);
  room_ = true;
  read_if_room();
}

void StreamSession::read_if_room() {
  if (!room_ || adding_ || transport_.is_congested()) return;
  if (end_ || finished_ || input_over_) return;
  room_ = false;
  read_next();
}

void StreamSession::on_told(bool ok) {
  const MutexLock lock(mutex_);
  transport_.told(ok);
  touched_ = true;
  read_if_room();
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
  cancelled_ = true;
  intake_->discard();
  const MutexLock lock(mutex_);
  const grpc::Status why = call_.cancelled();
  end_ = End{why.error_code(), why.error_message()};
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
  bool silent = false;
  {
    const MutexLock lock(mutex_);
    if (std::exchange(touched_, false)) active_ = now;
    if (is_stuck(now)) return transport_.cancel();
    if (finished_) return;
    silent = reading_ && now - active_ > limits.stream_idle_max;
  }
  if (silent && intake_->idle()) {
    return stop(DEADLINE_EXCEEDED, "no message for " + in_words(limits.stream_idle_max));
  }
  if (limits.stream_age_max.count() > 0 && now - began_ > limits.stream_age_max) {
    stop(UNAVAILABLE,
         "the stream is older than " + in_words(limits.stream_age_max) + ", open another");
  }
}

// Who doesn't read what he is told won't read a status either. Nobody waits long for him at the
// end.
bool StreamSession::is_stuck(Time now) const {
  const Duration patience =
      context_.draining ? Duration(kLastWords) : Duration(context_.limits.stream_idle_max);
  return now - active_ > patience && (finished_ || !transport_.has_told_all());
}

void StreamSession::finish_if_over() {
  if (finished_ || adding_ || (!input_over_ && !end_) || !intake_->idle()) return;
  if (!transport_.has_told_all()) return;
  const StreamProgress progress = intake_->progress();
  const grpc::Status status =
      end_ ? to_grpc(end_->code, end_->why, progress) : transport_.conclude(progress);
  finished_ = true;
  touched_ = true;
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
