// The streams and the consumer on the server: made when they are missing, compared with the
// settings when they aren't. A difference is reported and never changed: somebody may have wanted
// it.
#pragma once

#include <atomic>
#include <nats/nats.h>
#include <optional>

#include "base/status.h"
#include "queue/consumer.h"
#include "queue/nats/nats_options.h"

namespace millrace::queue {

// The stream of messages: on disk, each message until it is acked, and a publish that is too much
// is refused instead of pushing an older message out.
// `message_bytes_max`, if given, becomes what the stream takes, headers included; 0: no limit.
Status ensure_stream(jsCtx& js, const NatsOptions& options,
                     std::atomic<std::uint64_t>* message_bytes_max = nullptr);

// The durable pull consumer on it. Requires the stream.
Status ensure_consumer(jsCtx& js, const NatsOptions& options);

// Messages of the consumer that aren't settled, wherever they are: not delivered yet, in work at
// any processor, or waiting to be tried again. Nothing when the server doesn't say.
std::optional<std::uint64_t> unsettled_messages(jsCtx& js, const NatsOptions& options);

// What the stream holds and its own bounds, a frame being one message. Nothing when the server
// doesn't say.
std::optional<Fill> stream_fill(jsCtx& js, const NatsOptions& options);

// The stream of dead letters: on disk, until they are replayed.
Status ensure_dead_letter_stream(jsCtx& js, const NatsOptions& options);

}  // namespace millrace::queue
