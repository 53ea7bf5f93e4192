// Whether the service can do its work, asked again and again, so that everybody who wants to know
// gets the same answer at once.
#pragma once

#include <memory>

#include "base/thread_annotations.h"
#include "edge/ops.h"
#include "http/reactor.h"

namespace millrace::app {

// Thread-safe.
class Readiness {
 public:
  // Asks from now on, a while after each answer. `reactors` outlive it, and so does what `check`
  // uses within its call.
  Readiness(http::ReactorPool& reactors, edge::WorkCheck check);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // The latest answer.
  [[nodiscard]] Status latest() const;

 private:
  struct Shared;
  static void ask(const std::weak_ptr<Shared>& asked);

  const std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::app
