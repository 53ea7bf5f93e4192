// What is done with dead letters over HTTP: they are listed, and put back into the queue.
#pragma once

#include <chrono>

#include "base/background_thread.h"
#include "http/reactor.h"
#include "http/router.h"
#include "observe/metrics.h"
#include "queue/dead_letters.h"
#include "queue/producer.h"

namespace millrace::edge {

// Stores block, so the routes have a thread of their own: one request after the other, a few may
// wait, more are refused with 503. All that is borrowed outlives the server and this; destroyed
// after the server.
class DeadLetterRoutes {
 public:
  DeadLetterRoutes(queue::DeadLetters& letters, queue::Producer& producer,
                   http::ReactorPool& reactors, std::chrono::milliseconds request_timeout,
                   observe::Registry& registry);

  // GET /dlq and POST /dlq/replay.
  void add_to(http::Router& router);

 private:
  void list(const http::Request& request, http::Reply reply);
  void replay(const http::Request& request, http::Reply reply);
  // Runs `work`, which makes the response, on the thread, and answers on the calling reactor.
  void answer_later(const http::Request& request, http::Reply reply,
                    UniqueFunction<http::Response(std::string_view request_id)> work);

  queue::DeadLetters& letters_;
  queue::Producer& producer_;
  http::ReactorPool& reactors_;
  const std::chrono::milliseconds timeout_;
  observe::Counter& replayed_;
  BackgroundThread thread_;  // last: what it runs uses the members above
};

}  // namespace millrace::edge
