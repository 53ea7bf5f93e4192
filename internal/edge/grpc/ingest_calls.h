// The three calls of the ingest service, on messages that are still bytes. Each returns a reactor
// that owns itself; the context and the metrics outlive the call.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "edge/grpc/call_context.h"
#include "edge/grpc/call_metrics.h"

namespace millrace::edge {

grpc::ServerUnaryReactor* start_ingest(CallContext& context, MethodMetrics& metrics,
                                       grpc::CallbackServerContext& call,
                                       const grpc::ByteBuffer& request, grpc::ByteBuffer& response);

grpc::ServerReadReactor<grpc::ByteBuffer>* start_ingest_stream(CallContext& context,
                                                               MethodMetrics& metrics,
                                                               grpc::CallbackServerContext& call,
                                                               grpc::ByteBuffer& response);

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_ingest_acks(
    CallContext& context, MethodMetrics& metrics, grpc::CallbackServerContext& call);

}  // namespace millrace::edge
