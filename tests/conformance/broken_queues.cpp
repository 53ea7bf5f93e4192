#include "conformance/broken_queues.h"

#include <array>

namespace millrace::conformance {
namespace {

class SimpleRig final : public Rig {
 public:
  SimpleRig(std::size_t capacity, Fault fault) : queue_(capacity, fault) {}
  queue::Producer& producer() override { return queue_; }
  queue::Consumer& consumer() override { return queue_; }
  void restart() override { queue_.restart(); }

 private:
  SimpleQueue queue_;
};

Fixture fixture_with(Fault fault, std::string_view name) {
  Fixture fixture;
  fixture.name = name;
  fixture.features.durable = true;
  fixture.make = [fault](std::size_t capacity) {
    return std::make_unique<SimpleRig>(capacity, fault);
  };
  return fixture;
}

// The name of the fault is the name of the queue.
#define BROKEN(fault, failing_check) \
  BrokenQueue { Fault::fault, #fault, failing_check }

constexpr std::array kBrokenQueues = {
    BROKEN(loses_every_100th, "what is accepted is delivered, by id"),
    BROKEN(delivers_twice, "what is accepted is delivered, by id"),
    BROKEN(done_inline, "done is never called inside publish"),
    BROKEN(done_twice, "done is called once per publish"),
    BROKEN(done_never, "done is called once per publish"),
    BROKEN(too_few_verdicts, "there is one verdict per message"),
    BROKEN(reorders, "batches keep their order"),
    BROKEN(truncates_payload, "messages arrive byte for byte"),
    BROKEN(says_ok_when_full, "what is over the capacity is told so"),
    BROKEN(says_ok_when_full, "what was refused is never delivered"),
    BROKEN(forgets_what_is_in_flight, "unsettled messages take room"),
    BROKEN(keeps_what_it_refused, "what was refused is never delivered"),
    BROKEN(lies_about_late_publish, "a publish past its deadline tells the truth"),
    BROKEN(ignores_max, "receive gives max at most"),
    BROKEN(ignores_deadline, "receive ends at its deadline, not before"),
    BROKEN(returns_early, "receive ends at its deadline, not before"),
    BROKEN(ignores_stop, "stop wakes a parked receive"),
    BROKEN(sleeps_through_publish, "a publish wakes a parked receive"),
    BROKEN(sleeps_through_return, "what comes back wakes a parked receive"),
    BROKEN(forgets_nacked, "what is dropped or nacked comes again"),
    BROKEN(forgets_retried, "what is retried comes again as the next attempt"),
    BROKEN(wrong_attempt, "what is retried comes again as the next attempt"),
    BROKEN(ignores_delay, "a retry waits for its delay"),
    BROKEN(redelivers_acked, "what is acked never comes again"),
    BROKEN(redelivers_rejected, "what is rejected never comes again"),
    BROKEN(unbalanced_consumer_books, "the consumer's books balance"),
    BROKEN(unbalanced_producer_books, "the producer's books balance"),
    BROKEN(accepts_after_close, "publish says closed after stop_accepting"),
    BROKEN(discards_at_close, "what is accepted is delivered before closed"),
    BROKEN(never_says_closed, "what is accepted is delivered before closed"),
    BROKEN(says_closed_too_early, "parked receivers wake when the queue ends"),
    BROKEN(leaves_receivers_parked, "parked receivers wake when the queue ends"),
    BROKEN(drain_does_not_wait, "drain waits for what is in flight"),
    BROKEN(drain_ignores_deadline, "drain ends at its deadline"),
    BROKEN(abort_forgets_done, "abort calls every pending done"),
    BROKEN(forgets_at_restart, "what is accepted survives a restart"),
};

#undef BROKEN

}  // namespace

std::span<const BrokenQueue> broken_queues() { return kBrokenQueues; }

Fixture broken_fixture(const BrokenQueue& broken) {
  Fixture fixture = fixture_with(broken.fault, broken.name);
  fixture.patience = std::chrono::milliseconds(250);
  fixture.lateness_max = std::chrono::milliseconds(100);
  return fixture;
}

Fixture simple_fixture() { return fixture_with(Fault::none, "simple"); }

}  // namespace millrace::conformance
