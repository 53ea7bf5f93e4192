// Which handler answers which path and method.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "http/reply.h"
#include "http/types.h"

namespace millrace::http {

inline constexpr std::size_t kBodyBytesMax = 1024 * 1024;

// Called on the connection's I/O thread; must not block. The request's views end with the call, the
// reply may be kept and answered later from the same thread.
using Handler = std::function<void(const Request& request, Reply reply)>;

// Takes a request's body while it arrives, on the connection's I/O thread.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // The next bytes, whose view ends with the call. False: no more for now, until its Resume is
  // called.
  [[nodiscard]] virtual bool write(std::string_view bytes) = 0;
  // The body is whole. A sink that ends without it, or cut(), had a client that is gone.
  virtual void end() = 0;
  // The rest of the body never comes: it is refused, or the client sent no more. Who doesn't answer
  // then leaves that to the server.
  virtual void cut(const Status& why) { static_cast<void>(why); }
};

// Has a sink given more. On the connection's I/O thread, not within write(); does nothing once the
// connection is gone.
using Resume = std::function<void()>;

// As a Handler, but called once the headers are there; `request` has no body. To send the reply
// before the body's end is to refuse the rest of it.
using StreamHandler =
    std::function<std::shared_ptr<BodySink>(const Request& request, Reply reply, Resume resume)>;

struct Route {
  std::string name;  // for metrics and logs: "ingest"; from a closed set
  Method method = Method::get;
  std::string path;
  Handler handler;
  std::size_t body_bytes_max = kBodyBytesMax;
  StreamHandler stream = nullptr;  // instead of the handler
};

// Filled before the server starts, read-only and thread-safe afterwards.
class Router {
 public:
  void add(Route route);

  struct NotFound {};
  struct WrongMethod {
    std::string allow;  // the Allow header: "GET, HEAD, OPTIONS"
  };
  // HEAD is answered by a path's GET route. For OPTIONS: WrongMethod, whose `allow` is the answer.
  using Match = std::variant<const Route*, NotFound, WrongMethod>;
  [[nodiscard]] Match find(Method method, std::string_view path) const;

  [[nodiscard]] const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace millrace::http
