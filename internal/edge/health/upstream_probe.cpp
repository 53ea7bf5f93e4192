#include "edge/health/upstream_probe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/thread_annotations.h"
#include "http/client_connection.h"

namespace millrace::edge {
namespace {

constexpr std::chrono::seconds kFresh{1};
constexpr std::size_t kErrorBytesMax = 200;

// One line, and no half of a character at its end.
std::string shortened(std::string text) {
  if (text.size() > kErrorBytesMax) {
    std::size_t end = kErrorBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text.resize(end);
    text += "...";
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text;
}

// What the body of a /readyz says of it; nothing when it isn't one of ours.
std::string error_in(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return "";
  const auto error = json.find("error");
  return error != json.end() && error->is_string() ? shortened(error->get<std::string>()) : "";
}

Status status_of(const http::Upstream& upstream, const Result<http::ClientResponse>& result) {
  if (!result.has_value()) return {Code::unavailable, result.error().text()};
  if (result->status == 200) return {};
  const std::string error = error_in(result->body);
  return {Code::unavailable,
          upstream.label() + " is not ready" + (error.empty() ? "" : ": ") + error};
}

}  // namespace

struct UpstreamProbe::Shared {
  Shared(http::ReactorPool& r, http::UpstreamSource s, std::chrono::milliseconds t)
      : reactors(r), source(std::move(s)), timeout(t) {}

  void remember(const UpstreamAnswers& answers) EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    latest = answers;
    fresh_until = std::chrono::steady_clock::now() + kFresh;
  }

  http::ReactorPool& reactors;
  const http::UpstreamSource source;
  const std::chrono::milliseconds timeout;
  Mutex mutex;
  std::optional<UpstreamAnswers> latest GUARDED_BY(mutex);
  Time fresh_until GUARDED_BY(mutex){};
};

// One question to each; all on one reactor.
struct UpstreamProbe::Round {
  void hear(std::size_t index, Status status) {
    answers[index].status = std::move(status);
    if (answers[index].status.ok() && any) std::exchange(any, {})({});
    if (--missing == 0) finish();
  }
  void finish() {
    shared->remember(answers);
    if (any) any({Code::unavailable, reasons_of(answers)});
    if (all) all(answers);
  }

  std::shared_ptr<Shared> shared;
  UniqueFunction<void(Status)> any = nullptr;
  UniqueFunction<void(const UpstreamAnswers&)> all = nullptr;
  UpstreamAnswers answers = {};
  std::size_t missing = 0;
};

UpstreamProbe::UpstreamProbe(http::ReactorPool& reactors, http::UpstreamSource source,
                             std::chrono::milliseconds timeout)
    : shared_(std::make_shared<Shared>(reactors, std::move(source), timeout)) {}

void UpstreamProbe::begin(const std::shared_ptr<Round>& round) {
  const std::vector<http::Upstream> upstreams = round->shared->source();
  if (upstreams.empty()) return round->finish();
  for (const auto& upstream : upstreams) round->answers.push_back({upstream.authority, {}});
  round->missing = upstreams.size();
  const Time deadline = std::chrono::steady_clock::now() + round->shared->timeout;
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    http::fetch(round->shared->reactors.here(), upstreams[i],
                {http::Method::get, "/readyz", {}, {}}, deadline,
                [round, i, upstream = upstreams[i]](const Result<http::ClientResponse>& result) {
                  round->hear(i, status_of(upstream, result));
                });
  }
}

void UpstreamProbe::ask_any(UniqueFunction<void(Status)> done) const {
  begin(std::make_shared<Round>(Round{.shared = shared_, .any = std::move(done)}));
}

void UpstreamProbe::ask_all(UniqueFunction<void(const UpstreamAnswers&)> done) const {
  begin(std::make_shared<Round>(Round{.shared = shared_, .all = std::move(done)}));
}

std::optional<UpstreamAnswers> UpstreamProbe::latest() const {
  const Time now = std::chrono::steady_clock::now();
  const MutexLock lock(shared_->mutex);
  if (now > shared_->fresh_until) {
    shared_->fresh_until = now + shared_->timeout;  // one round at a time
    shared_->reactors.post([probe = *this] { probe.ask_all([](const UpstreamAnswers&) {}); });
  }
  return shared_->latest;
}

std::string reasons_of(const UpstreamAnswers& answers) {
  if (answers.empty()) return "no instance is known";
  std::string reasons;
  for (const UpstreamAnswer& answer : answers) {
    if (answer.status.ok()) continue;
    reasons.append(reasons.empty() ? "" : "; ").append(answer.status.text());
  }
  return reasons;
}

}  // namespace millrace::edge
