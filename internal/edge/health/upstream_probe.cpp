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
      : reactors(r), source(std::move(s)), timeout(t), rounds(r.size()) {}

  void remember(const UpstreamAnswers& answers) EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    latest = answers;
    fresh_until = std::chrono::steady_clock::now() + kFresh;
  }

  http::ReactorPool& reactors;
  const http::UpstreamSource source;
  const std::chrono::milliseconds timeout;
  std::vector<std::weak_ptr<Round>> rounds;  // the latest of each reactor, on its thread only
  Mutex mutex;
  std::optional<UpstreamAnswers> latest GUARDED_BY(mutex);
  Time fresh_until GUARDED_BY(mutex){};
};

// One question to each; all on one reactor. Kept alive by the questions under way.
struct UpstreamProbe::Round {
  explicit Round(std::shared_ptr<Shared> s) : shared(std::move(s)) {}

  void begin(const std::shared_ptr<Round>& self);
  void hear(std::size_t index, Status status) {
    answers[index].status = std::move(status);
    if (answers[index].status.ok()) {
      one_is_ready = true;
      tell_any({});
    }
    if (--missing == 0) finish();
  }
  void tell_any(const Status& status) {
    for (auto& done : std::exchange(any, {})) done(status);
  }
  void finish() {
    over = true;  // first: who is told may ask anew
    shared->remember(answers);
    tell_any({Code::unavailable, reasons_of(answers)});
    for (auto& done : std::exchange(all, {})) done(answers);
  }

  const std::shared_ptr<Shared> shared;
  std::vector<UniqueFunction<void(Status)>> any;
  std::vector<UniqueFunction<void(const UpstreamAnswers&)>> all;
  UpstreamAnswers answers;
  std::size_t missing = 0;
  bool one_is_ready = false;
  bool over = false;
};

UpstreamProbe::UpstreamProbe(http::ReactorPool& reactors, http::UpstreamSource source,
                             std::chrono::milliseconds timeout)
    : shared_(std::make_shared<Shared>(reactors, std::move(source), timeout)) {}

void UpstreamProbe::Round::begin(const std::shared_ptr<Round>& self) {
  const std::vector<http::Upstream> upstreams = shared->source();
  if (upstreams.empty()) return finish();
  answers.resize(upstreams.size());
  missing = upstreams.size();
  const Time deadline = std::chrono::steady_clock::now() + shared->timeout;
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    http::fetch(shared->reactors.here(), upstreams[i], {http::Method::get, "/readyz", {}, {}},
                deadline,
                [self, i, upstream = upstreams[i]](const Result<http::ClientResponse>& result) {
                  self->hear(i, status_of(upstream, result));
                });
  }
}

// Whoever asks while a round is under way joins it: probes are open to everybody, and however many
// ask, an instance is asked once at a time.
void UpstreamProbe::ask(const Add& add) const {
  std::weak_ptr<Round>& latest = shared_->rounds[shared_->reactors.here().index()];
  if (const auto round = latest.lock(); round != nullptr && !round->over) return add(*round);
  const auto round = std::make_shared<Round>(shared_);
  latest = round;
  add(*round);
  round->begin(round);
}

void UpstreamProbe::ask_any(UniqueFunction<void(Status)> done) const {
  ask([&done](Round& round) {
    if (round.one_is_ready) return done({});
    round.any.push_back(std::move(done));
  });
}

void UpstreamProbe::ask_all(UniqueFunction<void(const UpstreamAnswers&)> done) const {
  ask([&done](Round& round) { round.all.push_back(std::move(done)); });
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
