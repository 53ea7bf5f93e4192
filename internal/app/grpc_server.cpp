#include "edge/grpc/grpc_server.h"

#include "app/composite_stats.h"
#include "app/publisher_health.h"
#include "app/queues.h"
#include "app/readiness.h"
#include "app/service.h"
#include "app/shell.h"
#include "queue/patient_producer.h"

namespace millrace::app {
namespace {

edge::GrpcServerOptions to_options(const config::Settings& settings) {
  edge::GrpcServerOptions options;
  options.door.bind_address = settings.bind_address;
  options.door.port = settings.grpc_port;
  options.door.share_port = settings.share_port;
  options.door.memory_max = settings.grpc_memory_max_bytes;
  options.connections.connections_max = settings.grpc_max_connections;
  options.connections.per_peer_max = settings.grpc_max_connections_per_peer;
  options.calls.message_bytes_max = settings.grpc_max_message_bytes;
  options.calls.request_timeout = settings.request_timeout;
  options.calls.stream_idle_max = settings.grpc_stream_idle_timeout;
  options.calls.stream_age_max = settings.grpc_stream_max_age;
  options.streams_per_connection = settings.grpc_max_streams;
  options.memory_quota = settings.grpc_memory_quota_bytes;
  options.ping_interval_min = settings.grpc_min_ping_interval;
  options.handshake_timeout = settings.read_timeout;
  options.idle_timeout = settings.idle_timeout;
  options.connection_max_age = settings.grpc_connection_max_age;
  options.drain_grace = settings.drain_grace;
  options.tls = {settings.grpc_tls_cert, settings.grpc_tls_key, settings.grpc_tls_client_ca};
  return options;
}

class GrpcService final : public ServiceApp {
 public:
  explicit GrpcService(const config::Settings& settings)
      : settings_(settings),
        shell_("grpc-server", settings),
        queue_(make_publisher_queue(settings, shell_.reactors, shell_.registry, OnFullPart::wait)),
        health_(settings, queue_, shell_.reactors),
        patient_(queue_.producer, later_on(shell_.reactors)),
        core_(*queue_.producer, shell_.registry,
              {.max = settings.dedupe_max, .window = settings.dedupe_window}),
        readiness_(shell_.reactors, health_.work_check()),
        server_(
            core_, patient_, shell_.reactors[0], to_options(settings),
            [this] { return shell_.ops.ready && readiness_.latest().ok(); }, shell_.registry) {
    shell_.ops.can_work = [this](UniqueFunction<void(Status)> done) {
      const Status door = server_.health();
      done(door.ok() ? readiness_.latest() : door);
    };
    health_.add_to(shell_.ops.health, shell_.registry);
    shell_.ops.health.known.push_back({"memory", [this] { return memory_and_door(); }});
    shell_.ops.stats_json = [this] { return publisher_stats_json(core_, queue_.composite); };
    if (queue_.composite != nullptr) {
      register_composite_metrics(shell_.registry, *queue_.composite);
    }
  }

  Status start() override {
    if (Status failed = patient_.start(); !failed.ok()) return failed;
    if (Status failed = shell_.open(http::Router(), settings_.grpc_metrics_port); !failed.ok()) {
      return failed;
    }
    // Last: from here on there are calls, which only a drain ends.
    Status failed = server_.start();
    if (!failed.ok()) {
      // The probes look at what is about to be destroyed.
      shell_.stop_accepting();
      static_cast<void>(shell_.close(std::chrono::steady_clock::now()));
    }
    return failed;
  }

  void stop_accepting() override {
    shell_.stop_accepting();
    server_.stop_accepting();
  }

  Status drain(Time deadline) override {
    server_.end_grace();
    patient_.stop_waiting();
    const Status answered = server_.drain(deadline);
    patient_.stop_accepting();
    Status published = patient_.drain(deadline);
    if (!answered.ok() || !published.ok()) patient_.abort();
    if (!answered.ok()) server_.abort();
    Status edge = shell_.close(deadline);
    for (const Status& status : {answered, published}) {
      if (!status.ok()) return status;
    }
    return edge;
  }

 private:
  // The door has a limit of its own, beyond which it lets nobody in.
  edge::Component memory_and_door() const {
    edge::Component memory = memory_health(settings_);
    if (const Status door = server_.health(); !door.ok()) {
      memory.health = edge::Health::unhealthy;
      memory.reason = door.text();
    }
    return memory;
  }

  const config::Settings settings_;
  Shell shell_;
  const PublisherQueue queue_;
  PublisherHealth health_;
  queue::PatientProducer patient_;
  edge::IngestCore core_;
  Readiness readiness_;
  edge::GrpcServer server_;
};

}  // namespace

std::unique_ptr<ServiceApp> make_grpc_server(const config::Settings& settings) {
  return std::make_unique<GrpcService>(settings);
}

}  // namespace millrace::app
