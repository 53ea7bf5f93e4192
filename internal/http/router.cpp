#include "http/router.h"

namespace millrace::http {

void Router::add(Route route) { routes_.push_back(std::make_unique<Route>(std::move(route))); }

Router::Match Router::find(Method method, std::string_view path) const {
  const Method wanted = method == Method::head ? Method::get : method;
  bool known_path = false;
  for (const auto& route : routes_) {
    if (route->path != path) continue;
    if (route->method == wanted) return route.get();
    known_path = true;
  }
  if (!known_path) return NotFound{};
  WrongMethod wrong;
  for (const auto& route : routes_) {
    if (route->path != path) continue;
    wrong.allow.append(method_name(route->method)).append(", ");
    if (route->method == Method::get) wrong.allow.append("HEAD, ");
  }
  wrong.allow.append("OPTIONS");
  return wrong;
}

}  // namespace millrace::http
