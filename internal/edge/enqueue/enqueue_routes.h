// The queue's own door: POST /enqueue for one message, and ingest's hop for many.
#pragma once

#include <chrono>

#include "http/reactor.h"
#include "http/router.h"
#include "queue/producer.h"

namespace millrace::edge {

// `producer` and `reactors` outlive the server.
void add_enqueue_route(http::Router& router, queue::Producer& producer, http::ReactorPool& reactors,
                       std::chrono::milliseconds request_timeout);
void add_hop_route(http::Router& router, queue::Producer& producer, http::ReactorPool& reactors,
                   std::string_view path, std::chrono::milliseconds request_timeout);

}  // namespace millrace::edge
