// A hop's clients, one on each reactor, usable from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/hop.h"
#include "http/upstream_directory.h"

namespace millrace::http {

// Thread-safe once made. Made and destroyed by a thread that isn't a reactor's.
class HopPool {
 public:
  HopPool(ReactorPool& reactors, const std::vector<Upstream>& upstreams, const std::string& target,
          HopMetrics& metrics);
  // To whatever the directory leads to.
  HopPool(ReactorPool& reactors, std::shared_ptr<UpstreamDirectory> directory,
          const std::string& target, HopMetrics& metrics);
  // Aborts what is left.
  ~HopPool();

  // As HopClient::submit(), on the calling reactor or, from other threads, on each in turn. `done`
  // runs on that reactor's thread.
  void submit(std::vector<HopItem> items, Time deadline, HopDone done);

  void abort();

 private:
  void set_upstreams(const std::vector<Upstream>& upstreams);

  ReactorPool& reactors_;
  std::vector<std::unique_ptr<HopClient>> clients_;  // by the reactor's index
  const std::shared_ptr<UpstreamDirectory> directory_;
  std::uint64_t subscription_ = 0;
};

}  // namespace millrace::http
