// The consumer's fetching thread: it fetches ahead, as far as the workers need.
#include <algorithm>
#include <optional>

#include "base/parse_number.h"
#include "base/wake_at_stop.h"
#include "observe/log.h"
#include "queue/nats/nats_consumer.h"
#include "queue/nats/nats_error.h"
#include "queue/nats/nats_frame.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFetchMax = 2000;  // fewer, larger batches cost the server less
// How long a request for the next message stays with the server. When the server is restarted it
// forgets the request, and we ask again after this time.
constexpr milliseconds kFetchWait{1000};
constexpr milliseconds kPauseWithoutServer{20};
constexpr milliseconds kWaitMax{100};
constexpr std::int64_t kHeaderBytes = 64 * 1024;

// Nothing when it isn't there; 0 when it is no number.
std::optional<std::uint64_t> header(natsMsg* message, const char* name) {
  const char* text = nullptr;
  if (natsMsgHeader_Get(message, name, &text) != NATS_OK) return std::nullopt;
  return parse_number<std::uint64_t>(text).value_or(0);
}

}  // namespace

void NatsConsumer::run_fetching(const std::stop_token& stop) {
  const auto wake = wake_at_stop(stop, mutex_, room_);
  std::shared_ptr<Source> source;
  while (const std::size_t max = room(stop)) {
    auto session = link_.session();
    if (session == nullptr || (source && source->session != session)) source = nullptr;
    if (session != nullptr && source == nullptr) source = subscribe(std::move(session));
    if (source == nullptr) {
      MutexLock lock(mutex_);
      lock.wait_until(room_, std::chrono::steady_clock::now() + kPauseWithoutServer);
      continue;
    }
    fetch(source, max);
  }
  give_back_buffer(false);
}

std::shared_ptr<NatsConsumer::Source> NatsConsumer::subscribe(
    std::shared_ptr<NatsSession> session) {
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = options_.stream.c_str();
  options.Consumer = options_.durable.c_str();
  natsSubscription* raw = nullptr;
  jsErrCode code = static_cast<jsErrCode>(0);
  const natsStatus status =
      js_PullSubscribe(&raw, session->js(), nullptr, nullptr, nullptr, &options, &code);
  if (status != NATS_OK) {
    observe::warn("can't subscribe",
                  {{"stream", options_.stream}, {"error", nats_text(status, code)}});
    link_.recheck();
    return nullptr;
  }
  auto source = std::make_shared<Source>();
  source->session = std::move(session);
  source->subscription.reset(raw);
  const MutexLock lock(mutex_);
  latest_ = source->session;
  return source;
}

bool NatsConsumer::wants_more() const {
  return buffered_ <= window_ / 2 && buffer_bytes_ <= options_.prefetch_bytes / 2 &&
         frame_bytes_ <= options_.prefetch_bytes;
}

std::size_t NatsConsumer::room(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (!closed_ && !stop.stop_requested() && !wants_more()) lock.wait(room_);
  if (closed_ || stop.stop_requested()) return 0;
  adapt();
  const std::size_t missing = window_ - std::min(window_, buffered_);
  return std::clamp<std::size_t>(missing / per_frame_, 1, kFetchMax);
}

// As far ahead as the workers need, and no further: what waits here can't be had by another
// processor. Twice as far when they ran out although there was more, half when the next one has
// waited too long.
void NatsConsumer::adapt() {
  if (buffer_.empty()) {
    if (last_was_full_) window_ = std::min(2 * window_, options_.prefetch);
  } else if (std::chrono::steady_clock::now() - buffer_.front()->told > kWaitMax) {
    window_ = std::max(window_ / 2, kWindowMin);
  }
}

// Asks for what is there, at most `max`, or for the first that comes: a request that expires and
// doesn't wait is answered as soon as there is anything. One that waits would wait until it is
// full.
void NatsConsumer::fetch(const std::shared_ptr<Source>& source, std::size_t max) {
  jsFetchRequest request;
  jsFetchRequest_Init(&request);
  request.Batch = static_cast<int>(max);
  request.NoWait = true;
  // Whatever its size, one message must fit.
  request.MaxBytes =
      std::max(static_cast<std::int64_t>(options_.prefetch_bytes / 2),
               natsConnection_GetMaxPayload(source->session->connection()) + kHeaderBytes);
  request.Expires = std::chrono::nanoseconds(kFetchWait).count();
  natsMsgList list{};
  const natsStatus status =
      natsSubscription_FetchRequest(&list, source->subscription.get(), &request);
  const auto count = static_cast<std::size_t>(std::max(list.Count, 0));
  {
    const MutexLock lock(mutex_);
    last_was_full_ = count == max;
    const std::size_t before = buffered_;
    for (std::size_t i = 0; i < count; ++i)
      keep(source, NatsMessage(std::exchange(list.Msgs[i], nullptr)));
    if (buffered_ > before) per_frame_ = (buffered_ - before + count - 1) / count;
    if (count > 0) arrivals_.notify_one();
  }
  natsMsgList_Destroy(&list);
  if (count > 0 || status == NATS_TIMEOUT || status == NATS_NOT_FOUND) return;
  static observe::Throttle throttle(std::chrono::seconds(5));
  if (auto pass = throttle.pass()) {
    observe::warn("can't fetch", {{"stream", options_.stream},
                                  {"error", nats_text(status)},
                                  {"suppressed", pass.suppressed}});
  }
  link_.recheck();
  MutexLock lock(mutex_);
  lock.wait_until(room_, std::chrono::steady_clock::now() + kPauseWithoutServer);
}

void NatsConsumer::keep(const std::shared_ptr<Source>& source, NatsMessage message) {
  jsMsgMetaData* raw = nullptr;
  if (natsMsg_GetMetaData(&raw, message.get()) != NATS_OK) return;
  const NatsMetaData meta(raw);
  if (free_.empty()) free_.push_back(&slots_.emplace_back());
  Held& held = *free_.back();
  free_.pop_back();
  held.source = source;
  held.message = std::move(message);
  held.sequence = meta->Sequence.Stream;
  held.delivered = meta->NumDelivered;
  take_apart(held);
  buffered_ += held.parts.size();
  buffer_bytes_ += held.bytes;
  if (held.parts.size() > 1) frame_bytes_ += held.bytes;
  held.told = std::chrono::steady_clock::now();
  buffer_.push_back(&held);
}

void NatsConsumer::take_apart(Held& held) {
  natsMsg* const message = held.message.get();
  const std::string_view data(natsMsg_GetData(message),
                              static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  held.replay = header(message, kNatsReplayHeader).value_or(0);
  if (const auto count = header(message, kNatsFrameHeader)) {
    const auto wires = unpack_frame(data, *count);
    for (const std::string_view wire : wires) held.parts.push_back({&held, wire});
    if (wires.empty()) held.broken = {Code::invalid, "it says it is a frame, and isn't one"};
  }
  if (held.parts.empty()) held.parts.push_back({&held, data});
  for (const Part& part : held.parts) held.bytes += part.cost();
  held.left = held.parts.size();
}

}  // namespace millrace::queue
