// One upstream of a hop, and what all of a client's share. Private to the hop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/client_connection.h"
#include "http/hop.h"
#include "http/hop_batch.h"

namespace millrace::http {

// One upstream: at most one batch under way, one gathering, and those that are full in between.
class HopClient::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Shared& owner, Upstream upstream);

  void gather(const HopItem& item, const std::shared_ptr<HopGroup>& group, std::size_t index,
              Time deadline);
  void take_over(HopBatch batch) { ready_.push_front(std::move(batch)); }
  void send_next();
  void abort();
  // It isn't in the list any more: what has left is finished, the rest goes to others.
  void retire();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool leads_to(const Upstream& upstream) const {
    return upstream_.same_place(upstream);
  }
  // To the same place.
  void update(Upstream upstream) { upstream_ = std::move(upstream); }

  // How much there is to be done before what comes now; for comparing.
  [[nodiscard]] std::size_t load() const {
    return (under_way_ ? 1U : 0U) + gathering_.messages + ready_.size() * kHopItemsMax;
  }
  [[nodiscard]] bool is_down(Time now) const { return now < down_until_; }
  [[nodiscard]] Time down_until() const { return down_until_; }

 private:
  HopBatch next_batch();
  // Takes away what is gathered.
  HopBatch close_gathering();
  [[nodiscard]] bool has_connection(Time now) const;
  void send(HopBatch batch);
  void on_reply(HopBatch batch, Time sent_at, Result<ClientResponse> result);
  void on_unavailable(Time now);
  void on_response(HopBatch batch, Time now, const ClientResponse& response);
  // Without answers: what came instead wasn't one of this protocol.
  void deliver(HopBatch batch, std::optional<std::vector<HopAnswer>> answers);
  void hand_on(Time now);
  void mark_down(Time now);

  Shared& owner_;
  const std::uint64_t id_;
  Upstream upstream_;
  std::shared_ptr<ClientConnection> connection_;
  Time idle_since_{};
  HopBatch gathering_;
  std::deque<HopBatch> ready_;
  bool under_way_ = false;
  bool retired_ = false;
  Time down_until_{};
  Duration down_for_;  // the next time
};

struct HopClient::Shared : std::enable_shared_from_this<HopClient::Shared> {
  using Links = std::vector<std::shared_ptr<Link>>;

  Shared(Reactor& r, std::string t, HopMetrics& m, std::function<void()> u)
      : reactor(r), target(std::move(t)), metrics(m), on_unavailable(std::move(u)) {}

  // The least loaded that isn't known to be down, in turn among equals; if all are down, the one
  // that comes back first. Behind one that hangs only so much waits as behind the others. Null when
  // all of them are `tried`.
  Link* pick(Time now, const std::vector<std::uint64_t>& tried = {});
  // At the end of this round of the loop: what its other connections bring goes out together.
  void send_soon();
  // To one that this batch hasn't been given to yet; when there is none, that is its answer, or
  // that one of them was full.
  void fail_over(HopBatch batch, std::uint64_t from, const std::string& why, Time now);
  void settled(const HopBatch& batch) {
    pending_items -= batch.messages;
    pending_bytes -= batch.body.size();
  }

  Reactor& reactor;
  const std::string target;
  HopMetrics& metrics;
  const std::function<void()> on_unavailable;
  Links links;
  Links retired;  // with something under way
  std::uint64_t ids = 0;
  std::size_t turn = 0;
  std::size_t pending_items = 0;
  std::size_t pending_bytes = 0;
  bool send_due = false;
  bool aborted = false;
};

}  // namespace millrace::http
