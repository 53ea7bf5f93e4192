#include "queue/nats/nats_outgoing.h"

#include <algorithm>

#include "base/uuid.h"
#include "queue/nats/nats_error.h"
#include "queue/nats/nats_frame.h"

namespace millrace::queue {
namespace {

// Larger frames gain little, and each is in memory whole, at the server and at both ends.
constexpr std::uint64_t kFrameBytes = std::uint64_t{256} << 10;

// What the stream's duplicate window compares.
std::string publication_id(const Message& message) {
  std::string id(message.id());
  if (message.replay() != 0) id.append("/").append(std::to_string(message.replay()));
  return id;
}

natsStatus set_header(natsMsg* message, const char* name, std::uint64_t value) {
  return natsMsgHeader_Set(message, name, std::to_string(value).c_str());
}

}  // namespace

void NatsPending::add(const std::shared_ptr<Publication>& publication, std::size_t index,
                      Time deadline) {
  if (!runs_.empty() && runs_.back().publication == publication &&
      runs_.back().first + runs_.back().count == index) {
    ++runs_.back().count;
  } else {
    runs_.push_back({publication, index, 1, deadline});
  }
}

Time NatsPending::deadline() const {
  Time earliest = Time::max();
  for (const Run& run : runs_) earliest = std::min(earliest, run.deadline);
  return earliest;
}

void NatsPending::judge(const Status& verdict) {
  for (const Run& run : runs_) run.publication->judge(run.first, verdict, run.count);
  runs_.clear();
}

void NatsPending::refuse(const Status& why) { sent_ ? no_answer() : judge(why); }

void NatsPending::no_answer() { no_answer_until(Time::max()); }

void NatsPending::no_answer_until(Time now) {
  std::erase_if(runs_, [&](const Run& run) {
    if (run.deadline > now) return false;
    run.publication->judge(
        run.first, {Code::deadline, "nats: no answer in time, the message may be stored or not"},
        run.count);
    return true;
  });
}

bool NatsOutgoing::alone(const Message& message) {
  return message.replay() != 0 || Uuid::may_be_derived(message.id());
}

bool NatsOutgoing::takes(const Message& message, std::uint64_t size_max) const {
  if (messages_.empty()) return true;
  if (messages_.size() >= std::min(options_.frame_messages, kNatsFrameMessagesMax)) return false;
  if (alone(message) || alone(*messages_.front())) return false;
  const std::uint64_t bytes = bytes_ + message.wire().size() + kNatsFrameOverhead;
  return bytes <= std::min(kFrameBytes, size_max);
}

void NatsOutgoing::add(const Message& message, const std::shared_ptr<Publication>& publication,
                       std::size_t index, Time deadline) {
  messages_.push_back(&message);
  bytes_ += message.wire().size() + kNatsFrameOverhead;
  pending_.add(publication, index, deadline);
}

Result<NatsMessage> NatsOutgoing::encode(NatsPending& pending) {
  auto encoded = make();
  messages_.clear();
  bytes_ = 0;
  pending = std::exchange(pending_, {});
  return encoded;
}

Result<NatsMessage> NatsOutgoing::make() const {
  const Message& first = *messages_.front();
  const bool framed = messages_.size() > 1;
  std::string frame;
  if (framed) {
    std::vector<std::string_view> wires;
    wires.reserve(messages_.size());
    for (const Message* message : messages_) wires.emplace_back(message->wire());
    frame = pack_frame(wires);
  }
  const std::string& body = framed ? frame : first.wire();
  natsMsg* raw = nullptr;
  natsStatus status = natsMsg_Create(&raw, options_.subject.c_str(), nullptr, body.data(),
                                     static_cast<int>(body.size()));
  NatsMessage encoded(raw);
  if (status == NATS_OK) {
    // A frame's own: with one of its messages' the stream could drop the others as a repetition.
    const std::string id = framed ? Uuid::v7().text() : publication_id(first);
    status = natsMsgHeader_Set(raw, "Nats-Msg-Id", id.c_str());
  }
  if (status == NATS_OK && framed) status = set_header(raw, kNatsFrameHeader, messages_.size());
  if (status == NATS_OK && first.replay() != 0) {
    status = set_header(raw, kNatsReplayHeader, first.replay());
  }
  if (status != NATS_OK) return Status(Code::internal, "nats: " + nats_text(status));
  return encoded;
}

}  // namespace millrace::queue
