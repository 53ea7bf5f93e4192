#include "http/upstream_directory.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <netinet/in.h>

#include "base/thread_annotations.h"
#include "http/later.h"
#include "observe/log.h"

namespace millrace::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<tcp, asio::io_context::executor_type>;

namespace {

// Between two look-ups, however often somebody asks for one.
constexpr std::chrono::milliseconds kSoon{100};
// Of one name; more are left out.
constexpr std::size_t kAddressesMax = 64;

bool is_v4(const std::string& address) { return is_ip_address(AF_INET, address); }

// Those of IPv4 first; otherwise in an order that is the same whatever order they came in.
Addresses arranged(Addresses found) {
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return is_v4(a) != is_v4(b) ? is_v4(a) : a < b;
  });
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > kAddressesMax) found.resize(kAddressesMax);
  return found;
}

// Those of the first one's family are instances. The others are what a single one is tried at next;
// of several nobody says which belong to which.
std::vector<Upstream> instances_of(const Upstream& name, const Addresses& addresses) {
  if (addresses.empty()) return {name};
  const bool v4 = is_v4(addresses.front());
  const auto others = std::find_if(addresses.begin(), addresses.end(),
                                   [v4](const std::string& one) { return is_v4(one) != v4; });
  std::vector<Upstream> instances;
  for (auto at = addresses.begin(); at != others; ++at) {
    instances.emplace_back(name).addresses.assign(1, *at);
  }
  if (instances.size() == 1) instances.front().addresses = addresses;
  return instances;
}

std::string joined(const Addresses& addresses) {
  std::string text;
  for (const std::string& one : addresses) text.append(text.empty() ? "" : ", ").append(one);
  return text;
}

void log_change(const Upstream& name, const Addresses& before, const Addresses& now) {
  if (before.empty()) return;  // found the first time, which is no news
  static observe::Throttle throttle(std::chrono::seconds(1));
  if (const auto pass = throttle.pass()) {
    observe::info("upstream's addresses changed", {{"upstream", name.authority},
                                                   {"addresses", joined(now)},
                                                   {"suppressed", pass.suppressed}});
  }
}

}  // namespace

LookUp system_look_up() {
  return [](Reactor& reactor, const std::string& host, UniqueFunction<void(Addresses)> done) {
    const auto resolver = std::make_shared<Resolver>(reactor.context());
    // Asio does it on a thread of its own.
    resolver->async_resolve(
        host, "",
        [resolver, done = std::move(done)](const boost::system::error_code& error,
                                           const Resolver::results_type& results) mutable {
          Addresses found;
          if (!error) {
            for (const auto& result : results) {
              found.push_back(result.endpoint().address().to_string());
            }
          }
          done(std::move(found));
        });
  };
}

struct UpstreamDirectory::Shared : std::enable_shared_from_this<Shared> {
  struct Name {
    Upstream upstream;
    Addresses addresses{};  // arranged; empty until it is found
    bool asking = false;

    [[nodiscard]] bool is_address() const { return !upstream.addresses.empty(); }
  };

  Shared(Reactor& r, Duration every, LookUp l)
      : reactor(r), refresh(every), look_up(std::move(l)) {}

  void look();
  void look_after(Duration pause);
  void on_found(std::size_t name, Addresses found);
  [[nodiscard]] std::vector<Upstream> all_instances() const;
  void publish() EXCLUDES(mutex);

  Reactor& reactor;
  const Duration refresh;
  const LookUp look_up;
  bool any_name = false;    // there is something to look up; set once
  std::vector<Name> names;  // this and the next two: on the reactor's thread
  std::uint64_t turn = 0;   // of the next look-up; what was planned before is void
  Time looked_at{};
  std::atomic<bool> is_soon{false};  // look_soon() has been heard

  mutable Mutex mutex;
  std::vector<Upstream> current GUARDED_BY(mutex);
  std::map<std::uint64_t, Listener> listeners GUARDED_BY(mutex);
  std::uint64_t subscriptions GUARDED_BY(mutex) = 0;
};

void UpstreamDirectory::Shared::look() {
  is_soon = false;
  looked_at = std::chrono::steady_clock::now();
  look_after(refresh);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].is_address() || std::exchange(names[i].asking, true)) continue;
    look_up(reactor, names[i].upstream.host, [weak = weak_from_this(), i](Addresses found) {
      if (const auto self = weak.lock()) self->on_found(i, std::move(found));
    });
  }
}

void UpstreamDirectory::Shared::look_after(Duration pause) {
  post_after(reactor, pause, [weak = weak_from_this(), planned = ++turn] {
    const auto self = weak.lock();
    if (self != nullptr && self->turn == planned) self->look();
  });
}

void UpstreamDirectory::Shared::on_found(std::size_t index, Addresses found) {
  Name& name = names[index];
  name.asking = false;
  if (found.empty()) return;
  Addresses now = arranged(std::move(found));
  if (now == name.addresses) return;
  log_change(name.upstream, name.addresses, now);
  name.addresses = std::move(now);
  publish();
}

std::vector<Upstream> UpstreamDirectory::Shared::all_instances() const {
  std::vector<Upstream> all;
  for (const Name& name : names) {
    for (Upstream& instance : instances_of(name.upstream, name.addresses)) {
      const bool known = std::any_of(all.begin(), all.end(), [&instance](const Upstream& other) {
        return instance.same_place(other);
      });
      if (!known) all.push_back(std::move(instance));
    }
  }
  return all;
}

void UpstreamDirectory::Shared::publish() {
  std::vector<Upstream> all = all_instances();
  const MutexLock lock(mutex);
  current = std::move(all);
  for (const auto& [subscription, listener] : listeners) listener(current);
}

UpstreamDirectory::UpstreamDirectory(ReactorPool& reactors, std::vector<Upstream> upstreams,
                                     Duration refresh, LookUp look_up)
    : shared_(std::make_shared<Shared>(reactors[0], refresh, std::move(look_up))) {
  for (Upstream& upstream : upstreams) {
    shared_->names.push_back({std::move(upstream)});
    shared_->any_name = shared_->any_name || !shared_->names.back().is_address();
  }
  shared_->publish();
  if (!shared_->any_name) return;
  shared_->reactor.post([weak = std::weak_ptr(shared_)] {
    if (const auto self = weak.lock()) self->look();
  });
}

UpstreamDirectory::~UpstreamDirectory() = default;

std::vector<Upstream> UpstreamDirectory::current() const {
  const MutexLock lock(shared_->mutex);
  return shared_->current;
}

void UpstreamDirectory::look_soon() {
  if (!shared_->any_name || shared_->is_soon.exchange(true)) return;
  shared_->reactor.post([weak = std::weak_ptr(shared_)] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    const Duration since = std::chrono::steady_clock::now() - self->looked_at;
    const Duration pause = std::min<Duration>(kSoon, self->refresh) - since;
    if (pause <= Duration(0)) return self->look();
    self->look_after(pause);
  });
}

std::uint64_t UpstreamDirectory::subscribe(Listener listener) {
  const MutexLock lock(shared_->mutex);
  listener(shared_->current);
  shared_->listeners.emplace(++shared_->subscriptions, std::move(listener));
  return shared_->subscriptions;
}

void UpstreamDirectory::unsubscribe(std::uint64_t subscription) {
  const MutexLock lock(shared_->mutex);
  shared_->listeners.erase(subscription);
}

UpstreamSource source_of(std::shared_ptr<const UpstreamDirectory> directory) {
  return [directory = std::move(directory)] { return directory->current(); };
}

}  // namespace millrace::http
