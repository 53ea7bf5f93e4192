#include "queue/nats/nats_topology.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "observe/log.h"
#include "queue/nats/nats_error.h"
#include "queue/nats/nats_handles.h"

namespace millrace::queue {
namespace {

Status failure(const std::string& what, natsStatus status, jsErrCode code) {
  return {Code::unavailable, what + ": " + nats_text(status, code)};
}

// What is there against what was asked for: "max_age is 60, not 86400; ...".
class Differences {
 public:
  template <class T>
  void compare(std::string_view name, T is, T wanted) {
    if (is == wanted) return;
    text_.append(text_.empty() ? "" : "; ").append(name).append(" is ");
    text_.append(std::to_string(is)).append(", not ").append(std::to_string(wanted));
  }
  void report(std::string_view what, const std::string& name) const {
    if (text_.empty()) return;
    observe::warn("differs from the settings, left as it is",
                  {{"what", what}, {"name", name}, {"differences", text_}});
  }

 private:
  std::string text_;
};

bool has_subject(const jsStreamConfig& config, const std::string& subject) {
  return std::any_of(config.Subjects, config.Subjects + config.SubjectsLen,
                     [&](const char* one) { return subject == one; });
}

void report_differences(const jsStreamConfig& is, const jsStreamConfig& wanted) {
  Differences differences;
  differences.compare("retention", static_cast<int>(is.Retention),
                      static_cast<int>(wanted.Retention));
  differences.compare("discard", static_cast<int>(is.Discard), static_cast<int>(wanted.Discard));
  differences.compare("storage", static_cast<int>(is.Storage), static_cast<int>(wanted.Storage));
  differences.compare("max_age_ns", is.MaxAge, wanted.MaxAge);
  differences.compare("max_messages", is.MaxMsgs, wanted.MaxMsgs);
  differences.compare("max_bytes", is.MaxBytes, wanted.MaxBytes);
  differences.compare("replicas", is.Replicas, wanted.Replicas);
  differences.compare("duplicate_window_ns", is.Duplicates, wanted.Duplicates);
  differences.report("stream", wanted.Name);
}

// `wanted` gets the limit that it doesn't name.
Status ensure(jsCtx& js, jsStreamConfig& wanted) {
  const std::string what = "stream " + std::string(wanted.Name);
  const std::string subject = wanted.Subjects[0];
  jsStreamInfo* raw = nullptr;
  jsErrCode code = static_cast<jsErrCode>(0);
  natsStatus status = js_GetStreamInfo(&raw, &js, wanted.Name, nullptr, &code);
  NatsStreamInfo info(raw);
  if (status == NATS_NOT_FOUND || code == JSStreamNotFoundErr) {
    code = static_cast<jsErrCode>(0);
    status = js_AddStream(nullptr, &js, &wanted, nullptr, &code);
    if (status == NATS_OK) {
      observe::info("stream created", {{"name", wanted.Name}, {"subject", subject}});
      return {};
    }
    return failure(what + " can't be created", status, code);
  }
  if (status != NATS_OK) return failure(what, status, code);
  if (!has_subject(*info->Config, subject)) {
    return {Code::unavailable, what + " doesn't have the subject " + subject};
  }
  report_differences(*info->Config, wanted);
  wanted.MaxMsgSize = info->Config->MaxMsgSize;
  return {};
}

// The server's word for "no limit".
std::int64_t limit(std::int64_t value) { return value > 0 ? value : -1; }

// And ours.
std::uint64_t bound(std::int64_t value) { return static_cast<std::uint64_t>(std::max(value, 0L)); }

}  // namespace

Status ensure_stream(jsCtx& js, const NatsOptions& options,
                     std::atomic<std::uint64_t>* message_bytes_max) {
  std::array<const char*, 1> subjects{options.subject.c_str()};
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = options.stream.c_str();
  config.Subjects = subjects.data();
  config.SubjectsLen = 1;
  config.Retention = js_WorkQueuePolicy;
  config.Discard = js_DiscardNew;
  config.Storage = js_FileStorage;
  config.MaxAge = options.max_age.count();
  config.MaxMsgs = limit(options.max_messages);
  config.MaxBytes = limit(options.max_bytes);
  config.Replicas = options.replicas;
  config.Duplicates = options.dedupe_window.count();
  if (config.MaxAge > 0) config.Duplicates = std::min(config.Duplicates, config.MaxAge);
  Status status = ensure(js, config);
  if (status.ok() && message_bytes_max != nullptr) {
    *message_bytes_max = static_cast<std::uint64_t>(std::max(config.MaxMsgSize, 0));
  }
  return status;
}

std::optional<std::uint64_t> unsettled_messages(jsCtx& js, const NatsOptions& options) {
  jsConsumerInfo* raw = nullptr;
  const natsStatus status = js_GetConsumerInfo(&raw, &js, options.stream.c_str(),
                                               options.durable.c_str(), nullptr, nullptr);
  if (status != NATS_OK) return std::nullopt;
  const NatsConsumerInfo info(raw);
  return info->NumPending +
         static_cast<std::uint64_t>(std::max<std::int64_t>(info->NumAckPending, 0));
}

std::optional<Fill> stream_fill(jsCtx& js, const NatsOptions& options) {
  jsStreamInfo* raw = nullptr;
  if (js_GetStreamInfo(&raw, &js, options.stream.c_str(), nullptr, nullptr) != NATS_OK) {
    return std::nullopt;
  }
  const NatsStreamInfo info(raw);
  return Fill{info->State.Msgs, bound(info->Config->MaxMsgs), info->State.Bytes,
              bound(info->Config->MaxBytes)};
}

Status ensure_dead_letter_stream(jsCtx& js, const NatsOptions& options) {
  std::array<const char*, 1> subjects{options.dead_letter_subject.c_str()};
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = options.dead_letter_stream.c_str();
  config.Subjects = subjects.data();
  config.SubjectsLen = 1;
  config.Retention = js_LimitsPolicy;
  config.Discard = js_DiscardNew;
  config.Storage = js_FileStorage;
  config.MaxMsgs = -1;
  config.MaxBytes = -1;
  config.Replicas = options.replicas;
  config.Duplicates = options.dedupe_window.count();
  return ensure(js, config);
}

Status ensure_consumer(jsCtx& js, const NatsOptions& options) {
  const std::string what = "consumer " + options.durable;
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.Durable = options.durable.c_str();
  config.AckPolicy = js_AckExplicit;
  config.DeliverPolicy = js_DeliverAll;
  config.AckWait = options.ack_wait.count();
  config.MaxDeliver = -1;  // how often a message is tried is the worker's business
  // Not the bound of one processor but of all: each has its own on what it fetches.
  config.MaxAckPending = 1'000'000;
  config.MaxWaiting = 512;
  jsConsumerInfo* raw = nullptr;
  jsErrCode code = static_cast<jsErrCode>(0);
  const natsStatus status = js_GetConsumerInfo(&raw, &js, options.stream.c_str(),
                                               options.durable.c_str(), nullptr, &code);
  const NatsConsumerInfo info(raw);
  if (status == NATS_NOT_FOUND || code == JSConsumerNotFoundErr) {
    code = static_cast<jsErrCode>(0);
    const natsStatus added =
        js_AddConsumer(nullptr, &js, options.stream.c_str(), &config, nullptr, &code);
    return added == NATS_OK ? Status() : failure(what + " can't be created", added, code);
  }
  if (status != NATS_OK) return failure(what, status, code);
  const jsConsumerConfig& is = *info->Config;
  if (is.DeliverSubject != nullptr && *is.DeliverSubject != '\0') {
    return {Code::unavailable, what + " is a push consumer, a pull consumer is needed"};
  }
  if (is.AckPolicy != js_AckExplicit) {
    return {Code::unavailable, what + " doesn't want explicit acks, they are needed"};
  }
  Differences differences;
  differences.compare("ack_wait_ns", is.AckWait, config.AckWait);
  differences.compare("max_deliver", is.MaxDeliver, config.MaxDeliver);
  differences.compare("max_ack_pending", is.MaxAckPending, config.MaxAckPending);
  differences.report("consumer", options.durable);
  return {};
}

}  // namespace millrace::queue
