#include "app/healthcheck.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "http/reactor.h"
#include "http/upstream.h"

namespace millrace::app {
namespace {

using Json = nlohmann::json;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kLimit{2};

std::uint16_t port_of(config::Service service, const config::Settings& settings) {
  switch (service) {
    case config::Service::gateway:
      return settings.api_port;
    case config::Service::ingest:
      return settings.ingest_port;
    case config::Service::processor:
      return settings.processor_port;
    case config::Service::grpc:
      return settings.grpc_metrics_port;
  }
  return 0;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Of the components that aren't healthy.
std::string reasons_of(const Json& body) {
  std::string reasons;
  const auto components = body.find("components");
  if (components == body.end() || !components->is_array()) return reasons;
  for (const Json& component : *components) {
    if (!component.is_object() || text_of(component, "reason").empty()) continue;
    reasons.append(reasons.empty() ? "" : "; ").append(text_of(component, "name"));
    reasons.append(": ").append(text_of(component, "reason"));
  }
  return reasons;
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  return text;
}

// "host:port: Connection refused", of which the beginning is said already.
std::string why_none(const std::string& url, const Status& status) {
  std::string why = status.text();
  const std::string authority = url.substr(url.find("//") + 2) + ": ";
  if (why.starts_with(authority)) why.erase(0, authority.size());
  if (!why.empty()) why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  return why;
}

std::string took_text(std::chrono::microseconds took) {
  char text[32];
  std::snprintf(text, sizeof text, ", %.1f ms", static_cast<double>(took.count()) / 1000);
  return text;
}

// The listener's word at the limit of connections, where nobody looks at any component.
std::string turned_away(const http::ClientResponse& response, const Json& body) {
  return response.status == 503 && body.is_object() ? text_of(body, "detail") : "";
}

HealthAnswer ask(const http::Upstream& upstream) {
  http::Reactor reactor;
  HealthAnswer answer{Status(Code::unavailable, "not asked")};
  reactor.post([&] {
    const Time began = Steady::now();
    http::fetch(reactor, upstream, {http::Method::get, "/health", {}, {}}, began + kLimit,
                [&reactor, &answer, began](Result<http::ClientResponse> response) {
                  answer.response = std::move(response);
                  answer.took =
                      std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - began);
                  reactor.stop();
                });
  });
  reactor.run();
  return answer;
}

}  // namespace

std::string health_url(config::Service service, const config::Settings& settings) {
  std::string host = settings.bind_address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != host.npos) host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port_of(service, settings));
}

HealthVerdict judge_answer(const std::string& service, const std::string& url,
                           const HealthAnswer& answer) {
  const std::string none = service + ": no answer at " + url + "/health: ";
  if (!answer.response.has_value()) {
    return {false, one_line(none + why_none(url, answer.response.error()))};
  }
  const Json body = Json::parse(answer.response->body, nullptr, false);
  const std::string state = body.is_object() ? text_of(body, "status") : "";
  if (const std::string why = turned_away(*answer.response, body); !why.empty()) {
    return {false, one_line(service + ": unhealthy: takes no connection: " + why +
                            took_text(answer.took))};
  }
  if (state != "healthy" && state != "warning" && state != "unhealthy") {
    return {false,
            none + "not a service of ours, it says " + std::to_string(answer.response->status)};
  }
  if (text_of(body, "service") != service) {
    return {false, one_line(none + text_of(body, "service") + " is there")};
  }
  const bool works = state != "unhealthy";
  std::string reasons = works ? reasons_of(body) : text_of(body, "error");
  return {works, one_line(service + ": " + state + (reasons.empty() ? "" : ": " + reasons) +
                          took_text(answer.took))};
}

int healthcheck(const ServiceDescription& about, const config::Settings& settings) {
  const std::string url = health_url(about.service, settings);
  const auto upstream = http::Upstream::parse(url);
  const HealthAnswer answer =
      upstream.has_value() ? ask(*upstream) : HealthAnswer{upstream.error()};
  const HealthVerdict verdict = judge_answer(about.name, url, answer);
  std::printf("%s\n", verdict.line.c_str());
  return verdict.works ? 0 : 1;
}

}  // namespace millrace::app
