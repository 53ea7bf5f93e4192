#include "request_maker.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace millrace::load {
namespace {

Options options_of(std::size_t batch) {
  Options options;
  options.server = *parse_http_url("http://host:9");
  options.target = "/there";
  options.payload_bytes = 100;
  options.batch = batch;
  return options;
}

std::string body_of(std::string_view request) {
  return std::string(request.substr(request.find("\r\n\r\n") + 4));
}

TEST_CASE("a request is a POST of one message, each unlike the other") {
  RequestMaker maker(options_of(0), 0xab);
  const std::string first(maker.next());
  CHECK(first.starts_with("POST /there HTTP/1.1\r\nHost: host:9\r\n"));
  CHECK(first.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(first.find("Content-Length: " + std::to_string(body_of(first).size())) !=
        std::string::npos);
  CHECK(first.find("Connection") == std::string::npos);
  const auto message = nlohmann::json::parse(body_of(first));
  CHECK(message["source"] == "open-loop");
  CHECK(message["data"].get<std::string>().size() == 100);
  CHECK(message["metadata"]["n"] == "000000ab-000000000001");

  std::set<std::string> bodies{body_of(first)};
  for (int i = 0; i < 1200; ++i) bodies.insert(body_of(maker.next()));
  CHECK(bodies.size() == 1201);
}

TEST_CASE("a batch is lines of messages, all of them unlike") {
  RequestMaker maker(options_of(50), 1);
  std::set<std::string> lines;
  for (int i = 0; i < 3; ++i) {
    const std::string request(maker.next());
    CHECK(request.find("Content-Type: application/x-ndjson\r\n") != std::string::npos);
    std::istringstream body(body_of(request));
    for (std::string line; std::getline(body, line);) {
      CHECK_NOTHROW(nlohmann::json::parse(line));
      lines.insert(line);
    }
  }
  CHECK(lines.size() == 150);
}

TEST_CASE("without keep-alive the request says so") {
  Options options = options_of(0);
  options.keep_alive = false;
  CHECK(RequestMaker(options, 1).next().find("\r\nConnection: close\r\n") !=
        std::string_view::npos);
}

}  // namespace
}  // namespace millrace::load
