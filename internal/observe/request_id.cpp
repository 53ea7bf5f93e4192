#include "observe/request_id.h"

#include <algorithm>

#include "base/uuid.h"

namespace millrace::observe {
namespace {

constexpr std::size_t kBytesMax = 128;

bool is_usable(std::string_view id) {
  return !id.empty() && id.size() <= kBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

void adopt_request_id(std::string& id, std::string_view given) {
  if (is_usable(given)) {
    id.assign(given);
  } else {
    const auto fresh = Uuid::v7().chars();
    id.assign(fresh.data(), fresh.size());
  }
}

}  // namespace millrace::observe
