// The real servers that scripts/with_servers.py started for us.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "base/uuid.h"

namespace millrace::integration {

// An environment variable's value. Throws when it isn't set: a test without its server fails.
inline std::string required(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    throw std::runtime_error(std::string(name) +
                             " isn't set: run this through scripts/with_servers.py");
  }
  return value;
}

// A name that no other test has used.
inline std::string unique_name(const std::string& prefix) { return prefix + Uuid::v7().text(); }

}  // namespace millrace::integration
