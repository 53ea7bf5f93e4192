// What gRPC's reactors of both kinds of streams have in common: their calls go to the session, the
// session's to gRPC.
#pragma once

#include <grpcpp/server_context.h>
#include <memory>
#include <utility>

#include "edge/grpc/call_metrics.h"
#include "edge/grpc/stream_session.h"

namespace millrace::edge {

// `Reactor` is gRPC's own. Keeps itself until gRPC is done with it.
template <class Reactor>
class StreamReactor : public Reactor,
                      protected StreamTransport,
                      public std::enable_shared_from_this<StreamReactor<Reactor>> {
 public:
  // All outlive it.
  StreamReactor(MethodMetrics& metrics, grpc::CallbackServerContext& call)
      : metrics_(metrics), call_(call) {}

  void begin(CallContext& context) {
    self_ = this->shared_from_this();
    Call call(call_, metrics_, context.connections);
    this->StartSendInitialMetadata();
    session_ = StreamSession::open(context, std::move(call), *this);
  }

 protected:
  [[nodiscard]] MethodMetrics& metrics() const { return metrics_; }
  [[nodiscard]] StreamSession& session() const { return *session_; }

 private:
  // gRPC calls these only once the call that made this has returned.
  void OnReadDone(bool ok) override { session_->on_read(ok, request_); }
  void OnCancel() override { session_->on_cancel(); }
  void OnDone() override {
    session_->on_done();
    const auto last = std::move(self_);
  }

  void read() override {
    request_.Clear();
    this->StartRead(&request_);
  }
  void finish(const grpc::Status& status) override { this->Finish(status); }
  void cancel() override { call_.TryCancel(); }

  MethodMetrics& metrics_;
  grpc::CallbackServerContext& call_;
  grpc::ByteBuffer request_;
  std::shared_ptr<StreamSession> session_;
  std::shared_ptr<StreamReactor> self_;
};

}  // namespace millrace::edge
