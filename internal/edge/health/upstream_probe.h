// Whether the instances of another service are ready, asked live at their /readyz.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"
#include "http/reactor.h"
#include "http/upstream.h"

namespace millrace::edge {

struct UpstreamAnswer {
  Status status;  // ok: ready; otherwise why not, naming the instance, in one line
};
using UpstreamAnswers = std::vector<UpstreamAnswer>;

// A copy is the same probe. Thread-safe, but for what is said.
class UpstreamProbe {
 public:
  // An instance that hasn't answered within `timeout` isn't ready. `reactors` outlive it.
  UpstreamProbe(http::ReactorPool& reactors, http::UpstreamSource source,
                std::chrono::milliseconds timeout);

  // Ok as soon as one of them is ready; Code::unavailable with all reasons when none is. On a
  // reactor's thread, where `done` is called too. Who asks while others on that thread wait for an
  // answer joins them, and may get one that is as old as `timeout`.
  void ask_any(UniqueFunction<void(Status)> done) const;
  // What each of them says, in the order of the source. On a reactor's thread, as ask_any().
  void ask_all(UniqueFunction<void(const UpstreamAnswers&)> done) const;

  // The answers known so far, whoever asked for them; nothing when nobody has. When they are older
  // than a second they are asked for anew, for who comes next: this doesn't wait for it.
  [[nodiscard]] std::optional<UpstreamAnswers> latest() const;

 private:
  struct Shared;
  struct Round;
  using Add = std::function<void(Round&)>;
  // Adds somebody to the round that is under way on this reactor, or to a new one.
  void ask(const Add& add) const;

  const std::shared_ptr<Shared> shared_;
};

// Why none of them is ready, in one text.
std::string reasons_of(const UpstreamAnswers& answers);

}  // namespace millrace::edge
