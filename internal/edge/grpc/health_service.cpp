#include "edge/grpc/health_service.h"

#include <algorithm>
#include <optional>

#include "edge/grpc/call.h"

namespace millrace::edge {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using ServingStatus = HealthCheckResponse::ServingStatus;

namespace {

constexpr const char* kServiceName = "grpc.health.v1.Health";

ServingStatus in_words(bool serving) {
  return serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

// One Watch: writes the latest state whenever it isn't the one written last. A slow reader misses
// what came between.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse>,
                                     public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(HealthService& service, Call call, bool known)
      : service_(service), known_(known), call_(std::move(call)) {}

  void begin() { self_ = shared_from_this(); }

  void set(ServingStatus status) {
    const MutexLock lock(mutex_);
    // One that isn't known might come: the protocol wants its watch to go on.
    wanted_ = known_ ? status : HealthCheckResponse::SERVICE_UNKNOWN;
    write_if_changed();
  }

  void end(const grpc::Status& status) {
    const MutexLock lock(mutex_);
    if (!end_) end_ = status;
    finish_if_over();
  }

 private:
  void write_if_changed() REQUIRES(mutex_) {
    if (writing_ || end_ || response_.status() == wanted_) return;
    response_.set_status(wanted_);
    writing_ = true;
    StartWrite(&response_);
  }

  void finish_if_over() REQUIRES(mutex_) {
    if (!end_ || writing_ || finished_) return;
    finished_ = true;
    call_.finish(*end_);
    Finish(*end_);
  }

  void OnWriteDone(bool ok) override {
    const MutexLock lock(mutex_);
    writing_ = false;
    if (!ok && !end_) end_ = grpc::Status::CANCELLED;
    if (ok) call_.sent();
    write_if_changed();
    finish_if_over();
  }
  void OnCancel() override { end(grpc::Status::CANCELLED); }
  void OnDone() override {
    {
      const MutexLock lock(service_.mutex_);
      service_.watchers_.erase(self_);
    }
    const auto last = std::move(self_);
  }

  HealthService& service_;
  const bool known_;
  std::shared_ptr<Watcher> self_;  // until gRPC is done with it
  Mutex mutex_;
  Call call_ GUARDED_BY(mutex_);
  HealthCheckResponse response_ GUARDED_BY(mutex_);  // written last; UNKNOWN: nothing yet
  ServingStatus wanted_ GUARDED_BY(mutex_) = HealthCheckResponse::UNKNOWN;
  bool writing_ GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ GUARDED_BY(mutex_);
  bool finished_ GUARDED_BY(mutex_) = false;
};

HealthService::HealthService(std::vector<std::string> services, std::function<bool()> is_serving,
                             const Connections& connections, observe::Registry& registry)
    : services_(std::move(services)),
      is_serving_(std::move(is_serving)),
      connections_(connections),
      check_(registry, kServiceName, "Check", CallType::unary),
      watch_(registry, kServiceName, "Watch", CallType::server_stream) {}

HealthService::~HealthService() = default;

bool HealthService::knows(const std::string& service) const {
  return service.empty() ||
         std::find(services_.begin(), services_.end(), service) != services_.end();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* call,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  Call own(*call, check_, connections_);
  own.received(request->ByteSizeLong());
  grpc::Status status;
  if (knows(request->service())) {
    response->set_status(in_words(is_serving_()));
    own.sent();
  } else {
    status = {grpc::StatusCode::NOT_FOUND, "no service of this name here"};
  }
  own.finish(status);
  auto* const reactor = call->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext* call, const HealthCheckRequest* request) {
  Call own(*call, watch_, connections_);
  own.received(request->ByteSizeLong());
  const auto watcher = std::make_shared<Watcher>(*this, std::move(own), knows(request->service()));
  watcher->begin();
  const MutexLock lock(mutex_);
  watchers_.insert(watcher);
  watcher->set(in_words(is_serving_()));
  if (stopped_) watcher->end({grpc::StatusCode::UNAVAILABLE, "shutting down"});
  return watcher.get();
}

void HealthService::look() {
  const MutexLock lock(mutex_);
  const ServingStatus now = in_words(is_serving_());
  for (const auto& watcher : watchers_) watcher->set(now);
}

void HealthService::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  for (const auto& watcher : watchers_) {
    watcher->end({grpc::StatusCode::UNAVAILABLE, "shutting down"});
  }
}

}  // namespace millrace::edge
