// For tests: an ingest on a port of its own, whose queue is the test.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "edge/ingest/ingest_routes.h"
#include "edge/test_edge.h"

namespace millrace::edge::testing {

inline constexpr std::chrono::seconds kIngestTimeout{5};

struct IngestServer {
  FakeProducer producer;
  observe::Registry registry;
  IngestCore core{producer, registry};
  http::ReactorPool reactors{1};
  http::Server server{reactors, routes(), {}, registry};

  IngestServer() { REQUIRE(server.start().ok()); }
  ~IngestServer() { server.abort(); }

  [[nodiscard]] RawConnection connect() const { return RawConnection::connect(server.port()); }
  [[nodiscard]] WireResponse ask(const std::string& request) const {
    auto connection = connect();
    connection.send(request);
    return connection.response();
  }

 private:
  http::Router routes() {
    http::Router router;
    add_ingest_routes(router, core, reactors, kIngestTimeout);
    return router;
  }
};

}  // namespace millrace::edge::testing
