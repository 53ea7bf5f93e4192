// The dead letters of several stores as one. A letter is kept by the first store that takes it; its
// key and the position of a page name the store: "nats:42", "nats.42~kafka.17".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "queue/dead_letters.h"

namespace millrace::queue {

struct CompositeDeadLettersPart {
  std::string name;  // without ':', '.' and '~'
  std::shared_ptr<DeadLetters> store;
};

// Thread-safe.
class CompositeDeadLetters final : public DeadLetters {
 public:
  explicit CompositeDeadLetters(std::vector<CompositeDeadLettersPart> parts)
      : parts_(std::move(parts)) {}

  Status start() override;
  // Not ok only when no store takes them.
  Status write(std::span<const DeadLetter> letters) override;
  // Of all stores, newest first. One that can't be read fails the whole.
  Result<DeadLetterPage> list(std::string_view after, std::size_t max) override;
  Status mark_replayed(std::span<const std::string> keys) override;
  Status flush() override;
  Status reopen() override;

 private:
  // How far a store is listed; nothing: to its end.
  using Cursors = std::vector<std::optional<std::string>>;

  [[nodiscard]] std::optional<Cursors> parse(std::string_view after) const;
  [[nodiscard]] std::string text_of(const Cursors& cursors) const;
  // The cursor behind the first `count` letters from `cursor` on.
  Result<std::optional<std::string>> advance(DeadLetters& store, const std::string& cursor,
                                             std::size_t count);

  const std::vector<CompositeDeadLettersPart> parts_;
};

}  // namespace millrace::queue
