// The outer edge: ingest requests are handed on in batches, the services' states are joined.
#pragma once

#include <chrono>

#include "http/hop_pool.h"
#include "http/router.h"
#include "http/upstream.h"

namespace millrace::edge {

struct GatewayUpstreams {
  http::UpstreamSource ingest;
  http::UpstreamSource processor;
};

// `hop`, to ingest, and `reactors` outlive the server.
void add_gateway_routes(http::Router& router, http::HopPool& hop, http::ReactorPool& reactors,
                        const GatewayUpstreams& upstreams,
                        std::chrono::milliseconds request_timeout);

}  // namespace millrace::edge
