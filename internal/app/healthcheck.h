// --healthcheck: asks the running service how it is, for a container's health check and for
// scripts.
#pragma once

#include <chrono>
#include <string>

#include "app/service.h"
#include "base/status.h"
#include "http/client_connection.h"

namespace millrace::app {

// What became of the question, and how long the answer took.
struct HealthAnswer {
  Result<http::ClientResponse> response;
  std::chrono::microseconds took{0};
};

struct HealthVerdict {
  bool works = false;  // healthy, or a warning
  std::string line;    // "processor: warning: queue_depth: 83 % full (830 of 1000), 1.3 ms"
};

// Where the service with these settings is asked: http://host:port, on this machine.
std::string health_url(config::Service service, const config::Settings& settings);

// One line, whatever the answer holds.
HealthVerdict judge_answer(const std::string& service, const std::string& url,
                           const HealthAnswer& answer);

// Asks once, prints the line, and returns the exit code: 0 for one that works, otherwise 1. Takes 2
// s at most.
int healthcheck(const ServiceDescription& about, const config::Settings& settings);

}  // namespace millrace::app
