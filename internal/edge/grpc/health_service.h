// grpc.health.v1: whether the server, or one of its services, serves.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/thread_annotations.h"
#include "edge/grpc/call_metrics.h"
#include "edge/grpc/connections.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace millrace::edge {

// Thread-safe. Of the library's own service the descriptors aren't there for reflection.
class HealthService final
    : public grpc::health::v1::Health::WithCallbackMethod_Check<
          grpc::health::v1::Health::WithCallbackMethod_Watch<grpc::health::v1::Health::Service>> {
 public:
  // `services` are known by name, beside "" for the server as a whole; all have the same state,
  // which `is_serving` knows; it is thread-safe and doesn't block. `connections` and `registry`
  // outlive it.
  HealthService(std::vector<std::string> services, std::function<bool()> is_serving,
                const Connections& connections, observe::Registry& registry);
  ~HealthService() override;

  // Looks whether it has changed, and tells those who watch.
  void look() EXCLUDES(mutex_);
  // Ends all watches, now and from now on.
  void stop() EXCLUDES(mutex_);

 private:
  class Watcher;

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* call,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* call,
      const grpc::health::v1::HealthCheckRequest* request) override;

  [[nodiscard]] bool knows(const std::string& service) const;

  const std::vector<std::string> services_;
  const std::function<bool()> is_serving_;
  const Connections& connections_;
  MethodMetrics check_;
  MethodMetrics watch_;
  Mutex mutex_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::unordered_set<std::shared_ptr<Watcher>> watchers_ GUARDED_BY(mutex_);
};

}  // namespace millrace::edge
