// Dead letters in a JetStream stream of their own. The body is the message as it came; what is
// known of it is in headers:
//
//   Millrace-Id, -Source, -Reason, -Attempts, -Dead-Lettered-At (Unix ms), -First-Failed-At (Unix
//   ms), -Stream, -Sequence
//
// A letter's key is its sequence number. A replayed one is deleted from the stream.
#pragma once

#include "queue/dead_letters.h"
#include "queue/nats/nats_link.h"

namespace millrace::queue {

// Thread-safe.
class NatsDeadLetters final : public DeadLetters {
 public:
  explicit NatsDeadLetters(NatsOptions options, const Clock& clock = system_clock());

  // Returns at once, whether the server is there or not.
  Status start() override;
  // A letter written again after an unknown outcome is dropped by the stream, if within its
  // duplicate window.
  Status write(std::span<const DeadLetter> letters) override;
  Result<DeadLetterPage> list(std::string_view after, std::size_t max) override;
  Status mark_replayed(std::span<const std::string> keys) override;

  [[nodiscard]] Status health() const { return link_.health(); }

 private:
  Status publish(NatsSession& session, const DeadLetter& letter);
  Status read_page(NatsSession& session, std::uint64_t below, std::size_t max,
                   DeadLetterPage& page);

  const NatsOptions options_;
  const Clock& clock_;
  NatsLink link_;
};

}  // namespace millrace::queue
