#include "edge/test_edge.h"

#include <nlohmann/json.hpp>

namespace millrace::edge::testing {

nlohmann::json json_of(const WireResponse& response) {
  return nlohmann::json::parse(response.body);
}

}  // namespace millrace::edge::testing
