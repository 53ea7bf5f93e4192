// GET /api/v1/status: what every service says of itself, in one answer.
#pragma once

#include "edge/gateway/gateway_routes.h"
#include "http/reactor.h"
#include "http/reply.h"

namespace millrace::edge {

// Asks all upstreams there are now at once and answers 200 within 2 s, whatever they do. Of several
// instances of a service the numbers are added up, and it is healthy when all of them are.
void join_status(http::Reactor& reactor, const GatewayUpstreams& upstreams, http::Reply reply);

}  // namespace millrace::edge
