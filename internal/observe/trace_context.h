// W3C Trace Context, level 1: https://www.w3.org/TR/trace-context-1/#traceparent-header
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::observe {

// The traceparent of our own part of the caller's trace: the same trace and flags, a new parent id.
// Nothing when `traceparent` isn't a valid one. Thread-safe.
std::optional<std::string> continue_trace(std::string_view traceparent);

// The trace's id in a valid traceparent: 32 hex digits.
std::string_view trace_id(std::string_view traceparent);

}  // namespace millrace::observe
