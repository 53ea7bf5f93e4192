// What gRPC alone can do here: the same service and messages, made with the same library, with
// nothing behind it. A unary call answers an id, a stream counts, acks answer each message.
//
//   grpc_echo_server PORT
#include <cstdio>
#include <cstdlib>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <memory>

#include "diplom/v1/diplom.grpc.pb.h"

namespace {

using diplom::v1::IngestAck;
using diplom::v1::IngestRequest;
using diplom::v1::IngestResponse;

constexpr const char* kId = "01a1fb40-d709-702e-a390-788783419c31";

class StreamCounter final : public grpc::ServerReadReactor<IngestRequest>,
                            public std::enable_shared_from_this<StreamCounter> {
 public:
  explicit StreamCounter(IngestResponse& response) : response_(response) {}
  void begin() {
    self_ = shared_from_this();
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      response_.set_accepted(response_.accepted() + 1);
      return StartRead(&request_);
    }
    response_.set_status("accepted");
    Finish(grpc::Status::OK);
  }
  void OnDone() override { const auto last = std::move(self_); }

  IngestResponse& response_;
  IngestRequest request_;
  std::shared_ptr<StreamCounter> self_;
};

class AckEcho final : public grpc::ServerBidiReactor<IngestRequest, IngestAck>,
                      public std::enable_shared_from_this<AckEcho> {
 public:
  void begin() {
    self_ = shared_from_this();
    ack_.set_count(1);
    ack_.set_status("accepted");
    ack_.add_message_ids(kId);
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override { ok ? StartWrite(&ack_) : Finish(grpc::Status::OK); }
  void OnWriteDone(bool ok) override {
    ack_.set_index(ack_.index() + 1);
    ok ? StartRead(&request_) : Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { const auto last = std::move(self_); }

  IngestRequest request_;
  IngestAck ack_;
  std::shared_ptr<AckEcho> self_;
};

class Echo final : public diplom::v1::IngestService::CallbackService {
  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* call, const IngestRequest*,
                                   IngestResponse* response) override {
    response->set_message_id(kId);
    response->set_status("accepted");
    auto* const reactor = call->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerReadReactor<IngestRequest>* IngestStream(grpc::CallbackServerContext*,
                                                       IngestResponse* response) override {
    const auto stream = std::make_shared<StreamCounter>(*response);
    stream->begin();
    return stream.get();
  }
  grpc::ServerBidiReactor<IngestRequest, IngestAck>* IngestAcks(
      grpc::CallbackServerContext*) override {
    const auto stream = std::make_shared<AckEcho>();
    stream->begin();
    return stream.get();
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: grpc_echo_server PORT\n");
    return 2;
  }
  Echo echo;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::string(argv[1]), grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  server->Wait();
}
