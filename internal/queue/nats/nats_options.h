// Which server, which stream, and how much of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "queue/publishing.h"

namespace millrace::queue {

// Message::replay(), on its way through a stream.
inline constexpr const char* kNatsReplayHeader = "Millrace-Replay";

struct NatsOptions {
  std::vector<std::string> urls{"nats://localhost:4222"};  // nats:// or tls://
  std::string subject = "diplom.messages";
  std::string stream = "DIPLOM_STREAM";
  std::string dead_letter_stream = "DIPLOM_DLQ";
  std::string dead_letter_subject = "diplom.dlq";
  std::string durable = "processor";  // the consumer that all processors share

  // Who we are; empty: not set.
  std::string user;
  std::string password;
  std::string token;
  std::string credentials_file;
  std::string tls_ca_file;
  std::string tls_certificate_file;
  std::string tls_key_file;

  // The stream's, when it is created; 0: no limit.
  std::chrono::nanoseconds max_age = std::chrono::hours(24);
  std::int64_t max_messages = 1'000'000;
  std::int64_t max_bytes = 0;
  std::int64_t replicas = 1;
  std::chrono::nanoseconds dedupe_window = std::chrono::minutes(10);

  // After it the server gives a message that isn't settled to somebody else. We put that off for as
  // long as we live, so it is the time until others take over from a processor that died.
  std::chrono::nanoseconds ack_wait = std::chrono::seconds(30);
  // At most so much is fetched ahead of being handed out; messages only as long as frames come as
  // large as the last ones did. Frames that aren't settled yet take as many bytes at most, and one
  // request's answer.
  std::size_t prefetch = 8192;
  std::uint64_t prefetch_bytes = std::uint64_t{32} << 20;
  PublishLimits limits;

  // At most so many messages are stored as one, see nats_frame.h; 1: each by itself.
  std::size_t frame_messages = 256;
};

}  // namespace millrace::queue
