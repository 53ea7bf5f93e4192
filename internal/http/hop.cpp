#include "http/hop.h"

#include <algorithm>
#include <utility>

#include "http/hop_batch.h"
#include "http/hop_link.h"
#include "observe/log.h"

namespace millrace::http {
namespace {

void warn_of_unavailable(const std::string& why) {
  static observe::Throttle throttle(std::chrono::seconds(5));
  if (const auto pass = throttle.pass()) {
    observe::warn("upstream unavailable", {{"error", why}, {"suppressed", pass.suppressed}});
  }
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

HopClient::Link* HopClient::Shared::pick(Time now, const std::vector<std::uint64_t>& tried) {
  const auto is_better = [now](const Link& link, const Link& best) {
    if (link.is_down(now) != best.is_down(now)) return best.is_down(now);
    if (link.is_down(now)) return link.down_until() < best.down_until();
    return link.load() < best.load();
  };
  Link* best = nullptr;
  for (std::size_t i = 0; i < links.size(); ++i) {
    Link& link = *links[(turn + i) % links.size()];
    if (std::find(tried.begin(), tried.end(), link.id()) != tried.end()) continue;
    if (best == nullptr || is_better(link, *best)) best = &link;
  }
  ++turn;
  return best;
}

void HopClient::Shared::send_soon() {
  if (std::exchange(send_due, true)) return;
  reactor.post([self = shared_from_this()] {
    self->send_due = false;
    if (self->aborted) return;
    for (const auto& link : self->links) link->send_next();
  });
}

void HopClient::Shared::fail_over(HopBatch batch, std::uint64_t from, const std::string& why,
                                  Time now) {
  if (aborted) {
    settled(batch);
    return batch.answer_all(Code::closed, "shutting down");
  }
  batch.tried.push_back(from);
  if (Link* const next = pick(now, batch.tried)) {
    next->take_over(std::move(batch));
    return next->send_next();
  }
  if (batch.refusals.empty()) warn_of_unavailable(why);
  settled(batch);
  batch.refuse(Code::unavailable, why);
}

HopClient::HopClient(Reactor& reactor, std::vector<Upstream> upstreams, std::string target,
                     HopMetrics& metrics, std::function<void()> on_unavailable)
    : shared_(std::make_shared<Shared>(reactor, std::move(target), metrics,
                                       std::move(on_unavailable))) {
  set_upstreams(std::move(upstreams));
}

void HopClient::set_upstreams(std::vector<Upstream> upstreams) {
  Shared& shared = *shared_;
  if (shared.aborted || upstreams.empty()) return;
  Shared::Links before = std::exchange(shared.links, {});
  for (Upstream& upstream : upstreams) {
    const auto known = std::find_if(before.begin(), before.end(), [&upstream](const auto& link) {
      return link->leads_to(upstream);
    });
    if (known == before.end()) {
      shared.links.push_back(std::make_shared<Link>(shared, std::move(upstream)));
    } else {
      (*known)->update(std::move(upstream));
      shared.links.push_back(std::move(*known));
      before.erase(known);
    }
  }
  for (const auto& gone : before) gone->retire();
}

HopClient::~HopClient() { abort(); }

void HopClient::submit(std::vector<HopItem> items, Time deadline, HopDone done) {
  Shared& shared = *shared_;
  auto group = std::make_shared<HopGroup>();
  group->answers.resize(items.size());
  group->missing = items.size() + 1;  // one for this call, so that it never answers inside
  group->done = std::move(done);
  Link& link = *shared.pick(std::chrono::steady_clock::now());
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
  for (const auto& link : Shared::Links(shared_->retired)) link->abort();
}

std::size_t HopClient::pending() const { return shared_->pending_items; }

}  // namespace millrace::http
