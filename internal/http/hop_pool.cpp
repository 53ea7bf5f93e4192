#include "http/hop_pool.h"

namespace millrace::http {

HopPool::HopPool(ReactorPool& reactors, const std::vector<Upstream>& upstreams,
                 const std::string& target, HopMetrics& metrics)
    : reactors_(reactors), clients_(reactors.size()) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i] = std::make_unique<HopClient>(reactors[i], upstreams, target, metrics);
  }
}

HopPool::~HopPool() {
  reactors_.run_on_each([this](std::size_t i, Reactor&) { clients_[i].reset(); });
}

void HopPool::submit(std::vector<HopItem> items, Time deadline, HopDone done) {
  Reactor& reactor = reactors_.here();
  HopClient& client = *clients_[reactor.index()];
  reactor.dispatch([&client, items = std::move(items), deadline, done = std::move(done)]() mutable {
    client.submit(std::move(items), deadline, std::move(done));
  });
}

void HopPool::abort() {
  reactors_.run_on_each([this](std::size_t i, Reactor&) { clients_[i]->abort(); });
}

}  // namespace millrace::http
