// The settings of the gRPC server.
#pragma once

#include <vector>

#include "config/declaration.h"

namespace millrace::config {

std::vector<Declaration> grpc_declarations();

// What no declaration can say alone. Code::invalid, as load() has it.
Status check_grpc(const Settings& settings);

}  // namespace millrace::config
