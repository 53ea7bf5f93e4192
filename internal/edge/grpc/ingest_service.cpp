#include "edge/grpc/ingest_service.h"

#include "diplom/v1/diplom.grpc.pb.h"
#include "diplom/v1/ingest_service.grpc.pb.h"
#include "edge/grpc/ingest_calls.h"

namespace millrace::edge {
namespace {

template <class Generated>
using RawCalls = typename Generated::template WithRawCallbackMethod_Ingest<
    typename Generated::template WithRawCallbackMethod_IngestStream<
        typename Generated::template WithRawCallbackMethod_IngestAcks<
            typename Generated::Service>>>;

// `Generated` is the service under one of its names.
template <class Generated>
class IngestService final : public RawCalls<Generated> {
 public:
  IngestService(CallContext& context, observe::Registry& registry)
      : context_(context),
        unary_(registry, Generated::service_full_name(), "Ingest", CallType::unary),
        stream_(registry, Generated::service_full_name(), "IngestStream", CallType::client_stream),
        acks_(registry, Generated::service_full_name(), "IngestAcks", CallType::bidi_stream) {}

 private:
  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* call,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override {
    return start_ingest(context_, unary_, *call, *request, *response);
  }
  grpc::ServerReadReactor<grpc::ByteBuffer>* IngestStream(grpc::CallbackServerContext* call,
                                                          grpc::ByteBuffer* response) override {
    return start_ingest_stream(context_, stream_, *call, *response);
  }
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* IngestAcks(
      grpc::CallbackServerContext* call) override {
    return start_ingest_acks(context_, acks_, *call);
  }

  CallContext& context_;
  MethodMetrics unary_;
  MethodMetrics stream_;
  MethodMetrics acks_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_ingest_service(CallContext& context,
                                                   observe::Registry& registry) {
  return std::make_unique<IngestService<diplom::v1::IngestService>>(context, registry);
}

std::unique_ptr<grpc::Service> make_unqualified_ingest_service(CallContext& context,
                                                               observe::Registry& registry) {
  return std::make_unique<IngestService<::IngestService>>(context, registry);
}

}  // namespace millrace::edge
