// The settings of the brokers: NATS, Kafka, and both together.
#pragma once

#include <vector>

#include "config/declaration.h"

namespace millrace::config {

std::vector<Declaration> broker_declarations();

}  // namespace millrace::config
