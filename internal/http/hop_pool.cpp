#include "http/hop_pool.h"

namespace millrace::http {

HopPool::HopPool(ReactorPool& reactors, const std::vector<Upstream>& upstreams,
                 const std::string& target, HopMetrics& metrics)
    : reactors_(reactors), clients_(reactors.size()) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i] = std::make_unique<HopClient>(reactors[i], upstreams, target, metrics);
  }
}

HopPool::HopPool(ReactorPool& reactors, std::shared_ptr<UpstreamDirectory> directory,
                 const std::string& target, HopMetrics& metrics)
    : reactors_(reactors), clients_(reactors.size()), directory_(std::move(directory)) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i] = std::make_unique<HopClient>(reactors[i], directory_->current(), target, metrics,
                                              [directory = directory_] { directory->look_soon(); });
  }
  subscription_ = directory_->subscribe(
      [this](const std::vector<Upstream>& upstreams) { set_upstreams(upstreams); });
}

void HopPool::set_upstreams(const std::vector<Upstream>& upstreams) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    reactors_[i].post(
        [client = clients_[i].get(), upstreams] { client->set_upstreams(upstreams); });
  }
}

HopPool::~HopPool() {
  // What it has posted so far runs before the clients go.
  if (directory_ != nullptr) directory_->unsubscribe(subscription_);
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
