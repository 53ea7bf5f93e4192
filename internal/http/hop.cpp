#include "http/hop.h"

#include <algorithm>
#include <deque>
#include <random>
#include <utility>

#include "http/client_connection.h"
#include "http/hop_codec.h"
#include "observe/log.h"

namespace millrace::http {
namespace {

// After a failure to connect an upstream is passed over for this long, doubled each time, while
// there are others.
constexpr std::chrono::milliseconds kDownMin{100};
constexpr std::chrono::milliseconds kDownMax{5'000};

// One submit(): answered when its last item is.
struct Group {
  std::vector<HopAnswer> answers;
  std::size_t missing = 0;
  HopDone done;

  void answer(std::size_t index, HopAnswer answer) {
    answers[index] = std::move(answer);
    if (--missing == 0) done(std::move(answers));
  }
};

// Neighbours of one group in a batch.
struct Run {
  std::shared_ptr<Group> group;
  std::size_t first;
  std::size_t count;
};

// Encoded as it is gathered; `runs` say whose the items are.
struct Batch {
  std::string body;
  std::vector<Run> runs;
  std::size_t items = 0;
  std::size_t messages = 0;     // in the items
  Time deadline = Time::max();  // the earliest of its items'
  std::size_t tries = 0;        // upstreams that couldn't be given it

  [[nodiscard]] bool is_full() const {
    return messages >= kHopItemsMax || body.size() >= kHopBytesMax;
  }
  void add(const HopItem& item, const std::shared_ptr<Group>& group, std::size_t index) {
    append_hop_item(body, item);
    ++items;
    messages += item.messages;
    if (!runs.empty() && runs.back().group == group &&
        runs.back().first + runs.back().count == index) {
      ++runs.back().count;
    } else {
      runs.push_back({group, index, 1});
    }
  }
  // One of `answers` for each item.
  void answer(std::vector<HopAnswer> answers) {
    auto next = answers.begin();
    for (const Run& run : std::exchange(runs, {})) {
      for (std::size_t i = 0; i < run.count; ++i)
        run.group->answer(run.first + i, std::move(*next++));
    }
  }
  void answer_all(Code code, const std::string& text) {
    answer(std::vector<HopAnswer>(items, {code, text}));
  }
};

void warn_throttled(const char* event, const std::string& error) {
  static observe::Throttle throttle(std::chrono::seconds(5));
  if (const auto pass = throttle.pass()) {
    observe::warn(event, {{"error", error}, {"suppressed", pass.suppressed}});
  }
}

Duration jittered(Duration base) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return base / 2 +
         Duration(std::uniform_int_distribution<std::int64_t>(0, base.count() / 2)(random));
}

}  // namespace

HopMetrics::HopMetrics(observe::Registry& registry, const std::string& hop)
    : batch_size(registry.histogram("millrace_hop_batch_size",
                                    "Items sent to the next service in one exchange.",
                                    observe::batch_size_bounds(), {{"hop", hop}})),
      exchange_seconds(registry.histogram("millrace_hop_exchange_seconds",
                                          "Time of one exchange with the next service.",
                                          observe::duration_bounds_s(), {{"hop", hop}})),
      unavailable(registry.counter("millrace_hop_unavailable_total",
                                   "Exchanges that failed before anything was sent.",
                                   {{"hop", hop}})),
      unknown(registry.counter("millrace_hop_unknown_total",
                               "Exchanges sent without a whole answer in time: outcome unknown.",
                               {{"hop", hop}})),
      connections_opened(registry.counter("millrace_hop_connections_opened_total",
                                          "Connections opened to the next service.",
                                          {{"hop", hop}})) {}

// One upstream: at most one batch under way, one gathering, and those that are full in between.
class HopClient::Link {
 public:
  Link(Shared& owner, Upstream upstream) : owner_(owner), upstream_(std::move(upstream)) {}

  void gather(const HopItem& item, const std::shared_ptr<Group>& group, std::size_t index,
              Time deadline);
  void take_over(Batch batch) { ready_.push_front(std::move(batch)); }
  void send_next();
  void abort();

  // How much there is to be done before what comes now; for comparing.
  [[nodiscard]] std::size_t load() const {
    return (under_way_ ? 1U : 0U) + gathering_.messages + ready_.size() * kHopItemsMax;
  }
  [[nodiscard]] bool is_down(Time now) const { return now < down_until_; }
  [[nodiscard]] Time down_until() const { return down_until_; }

 private:
  Batch next_batch();
  // Takes away what is gathered.
  Batch close_gathering();
  void send(Batch batch);
  void on_reply(Batch batch, Time sent_at, Result<ClientResponse> result);
  void deliver(Batch batch, const ClientResponse& response);
  void hand_on(Time now);
  void mark_down(Time now);

  Shared& owner_;
  const Upstream upstream_;
  std::shared_ptr<ClientConnection> connection_;
  Batch gathering_;
  std::deque<Batch> ready_;
  bool under_way_ = false;
  Time down_until_{};
  Duration down_for_ = kDownMin;
};

struct HopClient::Shared : std::enable_shared_from_this<HopClient::Shared> {
  Shared(Reactor& r, std::string t, HopMetrics& m) : reactor(r), target(std::move(t)), metrics(m) {}

  // The least loaded that isn't known to be down, in turn among equals; if all are down, the one
  // that comes back first. Behind one that hangs only so much waits as behind the others.
  Link& pick(Time now) {
    Link* best = nullptr;
    for (std::size_t i = 0; i < links.size(); ++i) {
      Link& link = *links[(turn + i) % links.size()];
      if (link.is_down(now)) continue;
      if (best == nullptr || link.load() < best->load()) best = &link;
    }
    ++turn;
    if (best != nullptr) return *best;
    return **std::min_element(links.begin(), links.end(), [](const auto& a, const auto& b) {
      return a->down_until() < b->down_until();
    });
  }

  // At the end of this round of the loop: what its other connections bring goes out together.
  void send_soon() {
    if (std::exchange(send_due, true)) return;
    reactor.post([self = shared_from_this()] {
      self->send_due = false;
      if (self->aborted) return;
      for (const auto& link : self->links) link->send_next();
    });
  }

  void fail_over(Batch batch, const std::string& why, Time now);
  void settled(const Batch& batch) {
    pending_items -= batch.messages;
    pending_bytes -= batch.body.size();
  }

  Reactor& reactor;
  const std::string target;
  HopMetrics& metrics;
  std::vector<std::unique_ptr<Link>> links;
  std::size_t turn = 0;
  std::size_t pending_items = 0;
  std::size_t pending_bytes = 0;
  bool send_due = false;
  bool aborted = false;
};

void HopClient::Link::gather(const HopItem& item, const std::shared_ptr<Group>& group,
                             std::size_t index, Time deadline) {
  if (gathering_.is_full()) ready_.push_back(close_gathering());
  const std::size_t before = gathering_.body.size();
  gathering_.add(item, group, index);
  gathering_.deadline = std::min(gathering_.deadline, deadline);
  owner_.pending_items += item.messages;
  owner_.pending_bytes += gathering_.body.size() - before;
}

// The next will be about as large.
Batch HopClient::Link::close_gathering() {
  Batch batch = std::exchange(gathering_, {});
  gathering_.body.reserve(batch.body.size());
  return batch;
}

Batch HopClient::Link::next_batch() {
  if (ready_.empty()) return gathering_.items > 0 ? close_gathering() : Batch();
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  return batch;
}

void HopClient::Link::send_next() {
  while (!under_way_) {
    Batch batch = next_batch();
    if (batch.items == 0) return;
    if (batch.deadline > std::chrono::steady_clock::now()) return send(std::move(batch));
    owner_.settled(batch);
    // Not from here: who is answered may send more.
    owner_.reactor.post([batch = std::move(batch), authority = upstream_.authority]() mutable {
      batch.answer_all(Code::unavailable, authority + ": not sent in time");
    });
  }
}

void HopClient::Link::send(Batch batch) {
  under_way_ = true;
  if (connection_ == nullptr || !connection_->usable()) {
    connection_ = ClientConnection::open(owner_.reactor, upstream_);
    owner_.metrics.connections_opened.add();
  }
  owner_.metrics.batch_size.observe(static_cast<double>(batch.items));
  const Time deadline = batch.deadline;
  // Copied, so that another upstream can be given it when this one can't be reached.
  ClientRequest request{Method::post, owner_.target, kHopContentType, batch.body};
  connection_->exchange(
      std::move(request), deadline,
      [this, shared = owner_.shared_from_this(), batch = std::move(batch),
       sent_at = std::chrono::steady_clock::now()](Result<ClientResponse> result) mutable {
        on_reply(std::move(batch), sent_at, std::move(result));
      });
}

void HopClient::Link::on_reply(Batch batch, Time sent_at, Result<ClientResponse> result) {
  const Time now = std::chrono::steady_clock::now();
  if (result.has_value()) {
    owner_.metrics.exchange_seconds.observe(std::chrono::duration<double>(now - sent_at).count());
    down_for_ = kDownMin;
    down_until_ = {};
    deliver(std::move(batch), *result);
  } else if (result.error().code() == Code::unavailable) {
    owner_.metrics.unavailable.add();
    mark_down(now);
    owner_.fail_over(std::move(batch), result.error().text(), now);
  } else {
    owner_.metrics.unknown.add();
    mark_down(now);  // what comes next goes to others; this may have been done, so it doesn't
    warn_throttled("no answer from upstream", result.error().text());
    owner_.settled(batch);
    batch.answer_all(Code::deadline, result.error().text() + " (outcome unknown)");
    hand_on(now);
  }
  // Only now: what the answers bring about goes out together, not the first of it alone.
  under_way_ = false;
  if (!owner_.aborted) send_next();
}

// What waited behind a batch that got no answer needn't wait for the next failure.
void HopClient::Link::hand_on(Time now) {
  Link& other = owner_.pick(now);
  if (&other == this) return;
  if (gathering_.items > 0) ready_.push_back(close_gathering());
  for (Batch& batch : std::exchange(ready_, {})) other.ready_.push_back(std::move(batch));
  other.send_next();
}

void HopClient::Link::deliver(Batch batch, const ClientResponse& response) {
  if (response.status == 503) {  // it takes nothing now, so it has nothing of this
    const Time now = std::chrono::steady_clock::now();
    mark_down(now);  // so that the next in turn is another one
    return owner_.fail_over(std::move(batch), upstream_.authority + ": takes nothing now", now);
  }
  owner_.settled(batch);
  auto answers = decode_hop_reply(response.body);
  if (response.status != 200 || !answers || answers->size() != batch.items) {
    return batch.answer_all(
        Code::deadline, upstream_.authority + ": not an answer of this protocol (outcome unknown)");
  }
  batch.answer(std::move(*answers));
}

void HopClient::Link::mark_down(Time now) {
  down_until_ = now + jittered(down_for_);
  down_for_ = std::min<Duration>(2 * down_for_, kDownMax);
}

void HopClient::Link::abort() {
  if (gathering_.items > 0) ready_.push_back(close_gathering());
  for (Batch& batch : std::exchange(ready_, {})) {
    owner_.settled(batch);
    batch.answer_all(Code::closed, "shutting down");
  }
  if (connection_ != nullptr) connection_->close();
}

void HopClient::Shared::fail_over(Batch batch, const std::string& why, Time now) {
  if (aborted) {
    settled(batch);
    return batch.answer_all(Code::closed, "shutting down");
  }
  if (++batch.tries < links.size()) {
    Link& next = pick(now);
    next.take_over(std::move(batch));
    return next.send_next();
  }
  warn_throttled("upstream unavailable", why);
  settled(batch);
  batch.answer_all(Code::unavailable, why);
}

HopClient::HopClient(Reactor& reactor, std::vector<Upstream> upstreams, std::string target,
                     HopMetrics& metrics)
    : shared_(std::make_shared<Shared>(reactor, std::move(target), metrics)) {
  for (Upstream& upstream : upstreams) {
    shared_->links.push_back(std::make_unique<Link>(*shared_, std::move(upstream)));
  }
}

HopClient::~HopClient() { abort(); }

void HopClient::submit(std::vector<HopItem> items, Time deadline, HopDone done) {
  Shared& shared = *shared_;
  auto group = std::make_shared<Group>();
  group->answers.resize(items.size());
  group->missing = items.size() + 1;  // one for this call, so that it never answers inside
  group->done = std::move(done);
  Link& link = shared.pick(std::chrono::steady_clock::now());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (shared.aborted) {
      group->answer(i, {Code::closed, "shutting down"});
    } else if (shared.pending_items >= kHopPendingItemsMax ||
               shared.pending_bytes >= kHopPendingBytesMax) {
      group->answer(i, {Code::full, "too much is waiting for the next service"});
    } else {
      link.gather(items[i], group, i, deadline);
      shared.send_soon();
    }
  }
  if (--group->missing == 0) {
    shared.reactor.post([group] { group->done(std::move(group->answers)); });
  }
}

void HopClient::abort() {
  if (std::exchange(shared_->aborted, true)) return;
  for (const auto& link : shared_->links) link->abort();
}

std::size_t HopClient::pending() const { return shared_->pending_items; }

}  // namespace millrace::http
