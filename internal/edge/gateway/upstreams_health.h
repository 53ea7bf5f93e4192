// Whether the services behind the gateway are ready, as a component of its health.
#pragma once

#include "edge/health/health_checks.h"
#include "edge/health/upstream_probe.h"

namespace millrace::edge {

// "upstreams". Both are asked at once.
AskedComponent upstreams_component(const UpstreamProbe& ingest, const UpstreamProbe& processor);

}  // namespace millrace::edge
