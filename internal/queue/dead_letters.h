// Where messages go that will not be tried again. Nothing is lost: each is kept whole, with why,
// until somebody replays it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "queue/delivery.h"

namespace millrace::queue {

struct DeadLetter {     // borrowed for the call
  std::string_view id;  // empty: a foreign message, of which only the bytes are known
  std::string_view source;
  std::string_view wire;  // the encoded message, or whatever came in its place
  std::string_view reason;
  std::uint32_t attempts = 1;
  Origin origin;

  static DeadLetter of(const Message& message, std::string_view reason, std::uint32_t attempts) {
    return {message.id(), message.source(), message.wire(), reason, attempts, {}};
  }
  static DeadLetter of(const Delivery& delivery, std::string_view reason) {
    DeadLetter letter = of(delivery.message(), reason, delivery.attempt());
    letter.origin = delivery.origin();
    return letter;
  }
};

struct KeptLetter {
  std::string key;  // the store's own name for it, stable; at most 128 bytes of printable ASCII
  std::string id;
  std::string source;
  std::string wire;
  std::string reason;
  std::uint32_t attempts = 1;
  std::int64_t dead_lettered_ms = 0;  // Unix time
  Origin origin;
};

struct DeadLetterPage {
  std::vector<KeptLetter> letters;
  std::string next;  // list()'s `after` for the next page; empty: this was the last
};

// Thread-safe. The calls block, at most for a few seconds.
class DeadLetters {
 public:
  virtual ~DeadLetters() = default;

  virtual Status start() { return {}; }

  // All or none; ok once they survive this process. Until it is ok, the delivery is not settled.
  // What is written again after an unknown outcome may be there twice.
  virtual Status write(std::span<const DeadLetter> letters) = 0;

  // Up to `max` that weren't replayed, newest first, from behind `after`, a page's `next`, or from
  // the newest when that is empty. Code::invalid: `after` is none of ours.
  virtual Result<DeadLetterPage> list(std::string_view after, std::size_t max) = 0;

  // They aren't listed any more. Safe to repeat; a key that isn't there any more is no error.
  virtual Status mark_replayed(std::span<const std::string> keys) = 0;

  virtual Status flush() { return {}; }
  // SIGHUP: files are opened anew.
  virtual Status reopen() { return {}; }
};

}  // namespace millrace::queue
