// Ingest's doors over HTTP: POST /ingest for anybody, and the gateway's hop.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "edge/ingest/ingest_core.h"
#include "http/reactor.h"
#include "http/router.h"

namespace millrace::edge {

inline constexpr std::string_view kHopIngestPath = "/hop/ingest";

// `core` and `reactors` outlive the server. A request is answered within `request_timeout`.
void add_ingest_routes(http::Router& router, IngestCore& core, http::ReactorPool& reactors,
                       std::chrono::milliseconds request_timeout);

// {"TotalReceived":…,"TotalSent":…,"TotalFailed":…}
nlohmann::ordered_json ingest_stats(const IngestCore& core);

}  // namespace millrace::edge
