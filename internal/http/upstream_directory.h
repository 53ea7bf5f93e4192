// The instances that names lead to now: a name may have many addresses, and they come and go while
// we run, as a container engine scales and replaces what is behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_function.h"
#include "http/reactor.h"
#include "http/upstream.h"

namespace millrace::http {

using Addresses = std::vector<std::string>;  // IP addresses, in any order

// Finds a host's addresses; `done` gets none when there are none to be found. Called on the
// reactor's thread, which it doesn't block; `done` is called once, there.
using LookUp =
    std::function<void(Reactor& reactor, const std::string& host, UniqueFunction<void(Addresses)>)>;

// By the system's resolver: /etc/hosts, DNS, whatever is configured.
LookUp system_look_up();

// One address: one instance. Of a name with addresses of both families those of IPv4 are its
// instances. When there is one of these, those of IPv6 are what it is tried at next: `localhost` is
// one instance. A name that isn't found keeps the addresses it had; until it is found the first
// time it stands for itself and is looked up with each connection. Thread-safe.
class UpstreamDirectory {
 public:
  // Looks names up at once, every `refresh`, and after look_soon(); never hosts that are addresses.
  // `upstreams` has one at least; `reactors` outlive it.
  UpstreamDirectory(ReactorPool& reactors, std::vector<Upstream> upstreams, Duration refresh,
                    LookUp look_up = system_look_up());
  ~UpstreamDirectory();
  UpstreamDirectory(const UpstreamDirectory&) = delete;
  UpstreamDirectory& operator=(const UpstreamDirectory&) = delete;

  // In the order of the names and of the addresses, none of them twice; never empty.
  [[nodiscard]] std::vector<Upstream> current() const;

  // An instance couldn't be reached: its address may be out of date. Doesn't block.
  void look_soon();

  // `listener` is called now and with each change, on whatever thread, until unsubscribe() has
  // returned. It may not block, nor call the directory.
  using Listener = std::function<void(const std::vector<Upstream>&)>;
  std::uint64_t subscribe(Listener listener);
  void unsubscribe(std::uint64_t subscription);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

// Keeps the directory.
UpstreamSource source_of(std::shared_ptr<const UpstreamDirectory> directory);

}  // namespace millrace::http
