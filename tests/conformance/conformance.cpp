#include "conformance/conformance.h"

#include <array>

#include "conformance/checks.h"
#include "conformance/harness.h"

namespace millrace::conformance {
namespace {

constexpr std::array kChecks = {
    Check{"done is called once per publish", done_is_called_once},
    Check{"done is never called inside publish", done_is_never_inline},
    Check{"there is one verdict per message", one_verdict_per_message},
    Check{"batches keep their order", batches_keep_their_order},
    Check{"messages arrive byte for byte", messages_arrive_intact},
    Check{"what is over the capacity is told so", full_is_said},
    Check{"unsettled messages take room", unsettled_messages_take_room},
    Check{"what was refused is never delivered", refused_is_never_delivered},
    Check{"a publish past its deadline tells the truth", late_publish_tells_the_truth},
    Check{"what is accepted is delivered, by id", accepted_equals_delivered},
    Check{"receive gives max at most", receive_respects_max},
    Check{"receive ends at its deadline, not before", receive_keeps_its_deadline},
    Check{"stop wakes a parked receive", stop_wakes_a_receive},
    Check{"a publish wakes a parked receive", publish_wakes_a_receive},
    Check{"what comes back wakes a parked receive", return_wakes_a_receive},
    Check{"what is dropped or nacked comes again", nacked_comes_again},
    Check{"what is retried comes again as the next attempt", retried_comes_again},
    Check{"a retry waits for its delay", retry_waits_for_its_delay},
    Check{"what is acked never comes again", acked_never_comes_again},
    Check{"what is rejected never comes again", rejected_never_comes_again},
    Check{"the consumer's books balance", consumer_books_balance},
    Check{"the producer's books balance", producer_books_balance},
    Check{"publish says closed after stop_accepting", closed_refuses_publishing},
    Check{"what is accepted is delivered before closed", accepted_is_delivered_before_closed},
    Check{"parked receivers wake when the queue ends", receivers_wake_at_the_end},
    Check{"drain waits for what is in flight", drain_waits_for_settlement},
    Check{"drain ends at its deadline", drain_keeps_its_deadline},
    Check{"abort calls every pending done", abort_calls_every_done},
    Check{"what is accepted survives a restart", accepted_survives_a_restart},
};

}  // namespace

std::span<const Check> all_checks() { return kChecks; }

CheckResult run_check(const Check& check, const Fixture& fixture) {
  try {
    check.run(fixture);
    return {check.name, Verdict::passed, {}};
  } catch (const Skipped& skipped) {
    return {check.name, Verdict::skipped, skipped.what()};
  } catch (const std::exception& failure) {
    return {check.name, Verdict::failed, failure.what()};
  }
}

std::vector<CheckResult> run_conformance(const Fixture& fixture) {
  std::vector<CheckResult> results;
  for (const Check& check : kChecks) results.push_back(run_check(check, fixture));
  return results;
}

}  // namespace millrace::conformance
