#include "http/hop_link.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "http/hop_codec.h"
#include "observe/log.h"

namespace millrace::http {
namespace {

// After a failure to connect an upstream is passed over for this long, doubled each time, while
// there are others.
constexpr std::chrono::milliseconds kDownMin{100};
constexpr std::chrono::milliseconds kDownMax{5'000};
// A connection that was used this short a time ago is used again without a look.
constexpr std::chrono::milliseconds kTrusted{1};

Duration jittered(Duration base) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return base / 2 +
         Duration(std::uniform_int_distribution<std::int64_t>(0, base.count() / 2)(random));
}

// None when it isn't an answer to so many items.
std::optional<std::vector<HopAnswer>> answers_in(const ClientResponse& response,
                                                 std::size_t items) {
  if (response.status != 200) return {};
  auto answers = decode_hop_reply(response.body);
  if (!answers.has_value() || answers->size() != items) return {};
  return std::move(*answers);
}

bool all_full(const std::vector<HopAnswer>& answers) {
  return std::all_of(answers.begin(), answers.end(),
                     [](const HopAnswer& answer) { return answer.code == Code::full; });
}

}  // namespace

HopClient::Link::Link(Shared& owner, Upstream upstream)
    : owner_(owner), id_(++owner.ids), upstream_(std::move(upstream)), down_for_(kDownMin) {}

void HopClient::Link::gather(const HopItem& item, const std::shared_ptr<HopGroup>& group,
                             std::size_t index, Time deadline) {
  if (gathering_.is_full()) ready_.push_back(close_gathering());
  const std::size_t before = gathering_.body.size();
  gathering_.add(item, group, index);
  gathering_.deadline = std::min(gathering_.deadline, deadline);
  owner_.pending_items += item.messages;
  owner_.pending_bytes += gathering_.body.size() - before;
}

// The next will be about as large.
HopBatch HopClient::Link::close_gathering() {
  HopBatch batch = std::exchange(gathering_, {});
  gathering_.body.reserve(batch.body.size());
  return batch;
}

HopBatch HopClient::Link::next_batch() {
  if (ready_.empty()) return gathering_.items > 0 ? close_gathering() : HopBatch();
  HopBatch batch = std::move(ready_.front());
  ready_.pop_front();
  return batch;
}

void HopClient::Link::send_next() {
  while (!under_way_) {
    HopBatch batch = next_batch();
    if (batch.items == 0) return;
    if (batch.deadline > std::chrono::steady_clock::now()) return send(std::move(batch));
    owner_.settled(batch);
    // Not from here: who is answered may send more.
    owner_.reactor.post([batch = std::move(batch), authority = upstream_.authority]() mutable {
      batch.refuse(Code::unavailable, authority + ": not sent in time");
    });
  }
}

// One that was idle may have been closed meanwhile, and what would be sent over it is lost. While
// it is busy that costs nothing to find out: our loop reads from it.
bool HopClient::Link::has_connection(Time now) const {
  if (connection_ == nullptr || !connection_->usable()) return false;
  return now - idle_since_ < kTrusted || connection_->is_quiet();
}

void HopClient::Link::send(HopBatch batch) {
  under_way_ = true;
  const Time now = std::chrono::steady_clock::now();
  if (!has_connection(now)) {
    connection_ = ClientConnection::open(owner_.reactor, upstream_);
    owner_.metrics.connections_opened.add();
  }
  owner_.metrics.batch_size.observe(static_cast<double>(batch.items));
  const Time deadline = batch.deadline;
  // Copied, so that another upstream can be given it when this one can't be reached.
  ClientRequest request{Method::post, owner_.target, kHopContentType, batch.body};
  connection_->exchange(
      std::move(request), deadline,
      [self = shared_from_this(), shared = owner_.shared_from_this(), batch = std::move(batch),
       sent_at = now](Result<ClientResponse> result) mutable {
        self->on_reply(std::move(batch), sent_at, std::move(result));
      });
}

void HopClient::Link::on_reply(HopBatch batch, Time sent_at, Result<ClientResponse> result) {
  const Time now = std::chrono::steady_clock::now();
  if (result.has_value()) {
    owner_.metrics.exchange_seconds.observe(std::chrono::duration<double>(now - sent_at).count());
    on_response(std::move(batch), now, *result);
  } else if (result.error().code() == Code::unavailable) {
    if (!retired_) on_unavailable(now);  // otherwise it was we who gave up
    owner_.fail_over(std::move(batch), id_, result.error().text(), now);
  } else {
    owner_.metrics.unknown.add();
    mark_down(now);  // what comes next goes to others; this may have been done, so it doesn't
    static observe::Throttle throttle(std::chrono::seconds(5));
    if (const auto pass = throttle.pass()) {
      observe::warn("no answer from upstream",
                    {{"error", result.error().text()}, {"suppressed", pass.suppressed}});
    }
    owner_.settled(batch);
    batch.answer_all(Code::deadline, result.error().text() + " (outcome unknown)");
    hand_on(now);
  }
  idle_since_ = now;
  // Only now: what the answers bring about goes out together, not the first of it alone.
  under_way_ = false;
  if (retired_) {
    connection_->close();
    std::erase(owner_.retired, shared_from_this());
  } else if (!owner_.aborted) {
    send_next();
  }
}

void HopClient::Link::on_unavailable(Time now) {
  owner_.metrics.unavailable.add();
  mark_down(now);
  if (owner_.on_unavailable) owner_.on_unavailable();
}

void HopClient::Link::on_response(HopBatch batch, Time now, const ClientResponse& response) {
  down_for_ = kDownMin;
  down_until_ = {};
  auto answers = answers_in(response, batch.items);
  const bool is_full = answers.has_value() && all_full(*answers);
  const bool takes_nothing = is_full || response.status == 503;
  // What comes next goes to the others for now: one that closes may be about to end, and one that
  // refuses at once would always be the least busy.
  if (takes_nothing || response.closes) mark_down(now);
  if (is_full) batch.refusals = std::move(*answers);
  if (takes_nothing) {
    owner_.fail_over(std::move(batch), id_, upstream_.label() + ": takes nothing now", now);
  } else {
    deliver(std::move(batch), std::move(answers));
  }
  if (response.closes) hand_on(now);
}

// What waited behind a batch that got no answer needn't wait for the next failure.
void HopClient::Link::hand_on(Time now) {
  if (owner_.aborted) return;
  Link* const other = owner_.pick(now);
  if (other == this) return;
  if (gathering_.items > 0) ready_.push_back(close_gathering());
  for (HopBatch& batch : std::exchange(ready_, {})) other->ready_.push_back(std::move(batch));
  other->send_next();
}

void HopClient::Link::deliver(HopBatch batch, std::optional<std::vector<HopAnswer>> answers) {
  owner_.settled(batch);
  if (answers.has_value()) return batch.answer(std::move(*answers));
  batch.answer_all(Code::deadline,
                   upstream_.label() + ": not an answer of this protocol (outcome unknown)");
}

void HopClient::Link::mark_down(Time now) {
  down_until_ = now + jittered(down_for_);
  down_for_ = std::min<Duration>(2 * down_for_, kDownMax);
}

void HopClient::Link::retire() {
  retired_ = true;
  hand_on(std::chrono::steady_clock::now());
  if (under_way_) owner_.retired.push_back(shared_from_this());
  // What hasn't left yet fails with it, and goes to the others too.
  if (connection_ != nullptr && !(under_way_ && connection_->has_sent())) connection_->close();
}

void HopClient::Link::abort() {
  if (gathering_.items > 0) ready_.push_back(close_gathering());
  for (HopBatch& batch : std::exchange(ready_, {})) {
    owner_.settled(batch);
    batch.answer_all(Code::closed, "shutting down");
  }
  if (connection_ != nullptr) connection_->close();
}

}  // namespace millrace::http
