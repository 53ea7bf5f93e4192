// A service of Millrace: its graph of parts, built from settings, and the order in which it drains.
#pragma once

#include <memory>

#include "base/lifecycle.h"
#include "config/settings.h"

namespace millrace::app {

// start(): up and ready when it returns ok. Its end is in flow order: stop_accepting(), not ready
// and no new connections; then drain(), which finishes what is in flight and closes (invariant 6).
class ServiceApp {
 public:
  virtual ~ServiceApp() = default;
  virtual Status start() = 0;
  // Doesn't block. Every probe that is answered after it returned says "not ready".
  virtual void stop_accepting() = 0;
  // Code::deadline when something was left undone at `deadline`; what could be saved is saved.
  virtual Status drain(Time deadline) = 0;
  // SIGHUP: files are opened anew.
  virtual void reopen() {}
};

std::unique_ptr<ServiceApp> make_gateway(const config::Settings& settings);
std::unique_ptr<ServiceApp> make_ingest(const config::Settings& settings);
std::unique_ptr<ServiceApp> make_processor(const config::Settings& settings);
std::unique_ptr<ServiceApp> make_grpc_server(const config::Settings& settings);

struct ServiceDescription {
  config::Service service;
  const char* name;      // the executable's
  const char* sentence;  // what it does, for --help
  std::unique_ptr<ServiceApp> (*make)(const config::Settings& settings);
};

// What main() is: flags, settings, log, signals, the service's life. Returns the exit code: 0 after
// a graceful drain, 1 when it couldn't start or drain, 2 for bad usage or settings.
int run(const ServiceDescription& about, int argc, char** argv);

}  // namespace millrace::app
