#include "edge/gateway/upstreams_health.h"

#include <memory>

#include "edge/health/judge.h"

namespace millrace::edge {
namespace {

// Both answers, on one reactor; the later one ends it.
struct Both {
  void hear(UpstreamAnswers& mine, const UpstreamAnswers& answers) {
    mine = answers;
    if (--missing == 0) done(judge_upstreams(ingest, processor));
  }

  UniqueFunction<void(Component)> done;
  UpstreamAnswers ingest = {};
  UpstreamAnswers processor = {};
  int missing = 2;
};

}  // namespace

AskedComponent upstreams_component(const UpstreamProbe& ingest, const UpstreamProbe& processor) {
  const auto ask = [ingest, processor](UniqueFunction<void(Component)> done) {
    const auto both = std::make_shared<Both>(Both{.done = std::move(done)});
    ingest.ask_all([both](const UpstreamAnswers& answers) { both->hear(both->ingest, answers); });
    processor.ask_all(
        [both](const UpstreamAnswers& answers) { both->hear(both->processor, answers); });
  };
  const auto latest = [ingest, processor]() -> std::optional<Component> {
    const auto of_ingest = ingest.latest();
    const auto of_processor = processor.latest();
    if (!of_ingest || !of_processor) return std::nullopt;
    return judge_upstreams(*of_ingest, *of_processor);
  };
  return {.name = "upstreams", .ask = ask, .latest = latest};
}

}  // namespace millrace::edge
