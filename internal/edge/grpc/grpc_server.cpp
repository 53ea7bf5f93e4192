#include "edge/grpc/grpc_server.h"

#include <absl/synchronization/mutex.h>
#include <algorithm>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <limits>

#include "edge/grpc/health_service.h"
#include "edge/grpc/ingest_service.h"
#include "edge/grpc/tls.h"
#include "observe/log.h"

namespace millrace::edge {
namespace {

// A client whose machine is gone is noticed after both.
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// Of reflection, which blocks one for each call that is open.
constexpr int kThreadsMax = 16;

int to_int(std::chrono::milliseconds time) {
  return static_cast<int>(std::min<std::int64_t>(time.count(), std::numeric_limits<int>::max()));
}

// What gRPC has to say goes where our lines go, and not more of it than helps.
void log_of_grpc(gpr_log_func_args* line) {
  static observe::Throttle throttle(std::chrono::seconds(1));
  if (const auto pass = throttle.pass()) {
    observe::warn("grpc", {{"message", line->message}, {"suppressed", pass.suppressed}});
  }
}

void set_limits(grpc::ServerBuilder& builder, const GrpcServerOptions& options) {
  // Twice what we take, so that we can answer what is too large instead of gRPC, which ends the
  // whole stream without a word about what became of the rest.
  builder.SetMaxReceiveMessageSize(static_cast<int>(2 * options.calls.message_bytes_max));
  grpc::ResourceQuota quota("millrace");
  quota.Resize(options.memory_quota);
  quota.SetMaxThreads(kThreadsMax);
  builder.SetResourceQuota(quota);
  const auto set = [&](const char* name, int value) { builder.AddChannelArgument(name, value); };
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options.streams_per_connection));
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, to_int(options.ping_interval_min));
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, to_int(options.handshake_timeout));
  set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, to_int(options.idle_timeout));
  if (options.connection_max_age > std::chrono::milliseconds(0)) {
    set(GRPC_ARG_MAX_CONNECTION_AGE_MS, to_int(options.connection_max_age));
  }
  // Only reflection is served by threads of its own.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

}  // namespace

struct GrpcServer::Impl {
  Impl(IngestCore& core, queue::CancellableProducer& patient, Executor& executor,
       const GrpcServerOptions& o, std::function<bool()> is_ready, observe::Registry& registry)
      : options(o),
        connections(o.connections),
        context(core, patient, executor, connections, o.calls),
        ingest(make_ingest_service(context, registry)),
        unqualified(make_unqualified_ingest_service(context, registry)),
        health(
            {"diplom.v1.IngestService", "IngestService"},
            [this, is_ready = std::move(is_ready)] {
              return !leaving && !door.is_short_of_memory() && is_ready();
            },
            connections, registry),
        door(
            o.door, connections, [this](int socket) { enter(socket); },
            [this] {
              context.streams.tick(std::chrono::steady_clock::now());
              health.look();
              ticked.notify_all();
            },
            registry) {
    registry.gauge("millrace_grpc_held_bytes", "Bytes of messages that calls hold.",
                   [this] { return static_cast<double>(context.held.taken()); });
  }

  void refuse_calls() {
    context.draining = true;
    context.streams.stop_all(grpc::StatusCode::UNAVAILABLE, kShuttingDown);
  }

  void enter(int socket) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = socket;
    acceptor->HandleNewConnection(&connection);
  }

  // Those who only watch or look around, at health and reflection, are told to go, then cut off.
  // The connections are closed first: to calls that come meanwhile gRPC itself would say CANCELLED,
  // which nobody tries again.
  void shut_down() {
    health.stop();
    context.calls.wait_for_last_answers();
    connections.close_all();
    server->Shutdown(std::chrono::system_clock::now() + kLastWords);
    door.close();
    server.reset();
  }

  const GrpcServerOptions options;
  std::atomic<bool> leaving{false};  // from stop_accepting() on
  Time grace_ends{};
  Mutex grace;
  std::condition_variable ticked;  // by the door
  Connections connections;
  CallContext context;
  const std::unique_ptr<grpc::Service> ingest;
  const std::unique_ptr<grpc::Service> unqualified;
  HealthService health;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  std::unique_ptr<grpc::Server> server;
  Door door;  // last: it calls into the rest
};

GrpcServer::GrpcServer(IngestCore& core, queue::CancellableProducer& patient, Executor& executor,
                       const GrpcServerOptions& options, std::function<bool()> is_ready,
                       observe::Registry& registry)
    : impl_(std::make_unique<Impl>(core, patient, executor, options, std::move(is_ready),
                                   registry)) {}

GrpcServer::~GrpcServer() = default;

Status GrpcServer::start() {
  auto credentials = make_credentials(impl_->options.tls);
  if (!credentials.has_value()) return credentials.error();
  // Debian builds Abseil with its search for deadlocks on, which is paid for with each lock.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function(log_of_grpc);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  set_limits(builder, impl_->options);
  using FromDescriptor = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  impl_->acceptor =
      builder.experimental().AddExternalConnectionAcceptor(FromDescriptor::FROM_FD, *credentials);
  builder.RegisterService(impl_->ingest.get());
  builder.RegisterService(impl_->unqualified.get());
  builder.RegisterService(&impl_->health);
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr) return {Code::internal, "gRPC can't be started"};
  return impl_->door.start();
}

void GrpcServer::stop_accepting() {
  impl_->leaving = true;
  impl_->grace_ends = std::chrono::steady_clock::now() + impl_->options.drain_grace;
  if (impl_->options.drain_grace == std::chrono::milliseconds(0)) impl_->refuse_calls();
  impl_->health.look();
  impl_->door.stop_accepting();
}

void GrpcServer::end_grace() {
  if (impl_->server == nullptr || impl_->context.draining) return;
  {
    MutexLock lock(impl_->grace);
    // Who waits at the door is no connection yet.
    while (impl_->door.is_listening() || impl_->connections.open() > 0) {
      if (!lock.wait_until(impl_->ticked, impl_->grace_ends)) break;
    }
  }
  impl_->refuse_calls();
}

Status GrpcServer::drain(Time deadline) {
  if (impl_->server == nullptr) return {};
  if (const std::size_t open = impl_->context.calls.wait_until_none(deadline); open > 0) {
    return {Code::deadline, std::to_string(open) + " calls have no answer"};
  }
  impl_->shut_down();
  return {};
}

void GrpcServer::abort() {
  if (impl_->server != nullptr) impl_->shut_down();
}

Status GrpcServer::health() const {
  if (impl_->door.port() == 0) return {Code::unavailable, "starting"};
  if (!impl_->door.is_short_of_memory()) return {};
  return {Code::full, "too much memory is in use: no client is let in"};
}

std::uint16_t GrpcServer::port() const { return impl_->door.port(); }

}  // namespace millrace::edge
