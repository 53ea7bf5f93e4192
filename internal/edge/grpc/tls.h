// The credentials a server shows and asks for.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <memory>

#include "base/status.h"
#include "edge/grpc/grpc_server.h"

namespace millrace::edge {

// None without a certificate. The files are read again every few seconds: what is there then holds
// for new connections. Code::invalid, naming the file, for what can't be used.
Result<std::shared_ptr<grpc::ServerCredentials>> make_credentials(const TlsFiles& files);

}  // namespace millrace::edge
