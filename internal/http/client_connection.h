// One connection to an upstream, from its opening to its end, used for one exchange after the
// other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_function.h"
#include "http/reactor.h"
#include "http/types.h"
#include "http/upstream.h"

namespace millrace::http {

struct ClientRequest {
  Method method = Method::get;
  std::string target;
  std::string_view content_type;  // must be static; empty without a body
  std::string body;
};

struct ClientResponse {
  unsigned status = 0;
  std::string body;
  bool closes = false;  // the other end takes no more over this connection
};

// Code::unavailable: nothing was sent, so nothing was done. Code::deadline: the request was sent
// and no whole answer came back (too late, connection lost, not HTTP): its outcome is unknown.
using ClientDone = UniqueFunction<void(Result<ClientResponse>)>;

inline constexpr std::size_t kResponseBytesMax = 16 * 1024 * 1024;

// Everything on the reactor's thread. Keeps itself alive while an exchange is under way.
class ClientConnection : public Expirable {
 public:
  // Begins to connect: to the upstream's addresses, or to those that its host is found to have.
  static std::shared_ptr<ClientConnection> open(Reactor& reactor, const Upstream& upstream);

  // Sends `request` as soon as the connection stands. Requires usable(). `done` is called once, not
  // within this call.
  virtual void exchange(ClientRequest request, Time deadline, ClientDone done) = 0;

  // Not closed, as far as our loop has heard, and no exchange under way.
  [[nodiscard]] virtual bool usable() const = 0;

  // Asks the system whether the other end has done something that our loop hasn't heard of yet, as
  // closing it. True: it has not.
  [[nodiscard]] virtual bool is_quiet() = 0;

  // Whether some of the request under way may have left.
  [[nodiscard]] virtual bool has_sent() const = 0;

  // Ends it; an exchange under way is told.
  virtual void close() = 0;
};

// One exchange over a connection of its own. On a reactor's thread.
void fetch(Reactor& reactor, const Upstream& upstream, ClientRequest request, Time deadline,
           ClientDone done);

}  // namespace millrace::http
