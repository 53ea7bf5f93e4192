// diplom.v1.IngestService, and the same under the name without a package.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>
#include <memory>

#include "edge/grpc/call_context.h"
#include "observe/metrics.h"

namespace millrace::edge {

// Both outlive the services.
std::unique_ptr<grpc::Service> make_ingest_service(CallContext& context,
                                                   observe::Registry& registry);
std::unique_ptr<grpc::Service> make_unqualified_ingest_service(CallContext& context,
                                                               observe::Registry& registry);

}  // namespace millrace::edge
