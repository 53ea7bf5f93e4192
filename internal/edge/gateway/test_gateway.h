// For the gateway's tests: a gateway on a port of its own, and an ingest edge whose queue is the
// test.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "edge/gateway/gateway_routes.h"
#include "edge/ingest/test_ingest.h"

namespace millrace::edge::testing {

using http::testing::upstream_at;

class GatewayServer {
 public:
  explicit GatewayServer(std::uint16_t ingest_port,
                         std::chrono::milliseconds timeout = std::chrono::seconds(5))
      : hop_metrics_(registry_, "ingest"),
        hop_(reactors_, {upstream_at(ingest_port)}, std::string(kHopIngestPath), hop_metrics_),
        server_(reactors_, routes(timeout), {}, registry_) {
    REQUIRE(server_.start().ok());
  }
  ~GatewayServer() { server_.abort(); }

  [[nodiscard]] RawConnection connect() const { return RawConnection::connect(server_.port()); }
  [[nodiscard]] WireResponse ask(const std::string& request) const {
    auto connection = connect();
    connection.send(request);
    return connection.response();
  }
  [[nodiscard]] double open_connections() const {
    return http::testing::metric(registry_, "millrace_http_connections_open");
  }

 private:
  http::Router routes(std::chrono::milliseconds timeout) {
    http::Router router;
    add_gateway_routes(router, hop_, reactors_, {}, timeout);
    return router;
  }

  observe::Registry registry_;
  http::ReactorPool reactors_{1};
  http::HopMetrics hop_metrics_;
  http::HopPool hop_;
  http::Server server_;
};

}  // namespace millrace::edge::testing
