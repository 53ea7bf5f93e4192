#include "http/problem.h"

#include <nlohmann/json.hpp>

namespace millrace::http {

unsigned http_status(Code code) {
  switch (code) {
    case Code::ok:
      return 200;
    case Code::invalid:
      return 400;
    case Code::rejected:
      return 422;
    case Code::too_large:
      return 413;
    case Code::full:
    case Code::unavailable:
    case Code::closed:
      return 503;
    case Code::deadline:
      return 504;
    case Code::internal:
      break;
  }
  return 500;
}

Response problem(unsigned status, std::string_view detail, std::string_view request_id) {
  const nlohmann::ordered_json body = {{"type", "about:blank"},
                                       {"title", reason_phrase(status)},
                                       {"status", status},
                                       {"detail", detail},
                                       {"request_id", request_id}};
  using Json = nlohmann::ordered_json;
  Response response = Response::json(body.dump(-1, ' ', false, Json::error_handler_t::replace));
  response.status = status;
  response.content_type = "application/problem+json";
  if (status == 503 || status == 429) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response problem(const Status& status, std::string_view request_id) {
  return problem(http_status(status.code()), status.text(), request_id);
}

}  // namespace millrace::http
