// The limits by which the services judge their health.
#pragma once

#include <vector>

#include "config/declaration.h"

namespace millrace::config {

std::vector<Declaration> health_declarations();

// That a warning comes before the worst. Code::invalid, as load() has it.
Status check_health(const Settings& settings);

}  // namespace millrace::config
