// The checks, one per promise; conformance.cpp has their names.
#pragma once

#include "conformance/conformance.h"

namespace millrace::conformance {

// publish_checks.cpp
void done_is_called_once(const Fixture& fixture);
void done_is_never_inline(const Fixture& fixture);
void one_verdict_per_message(const Fixture& fixture);
void batches_keep_their_order(const Fixture& fixture);
void messages_arrive_intact(const Fixture& fixture);
void full_is_said(const Fixture& fixture);
void unsettled_messages_take_room(const Fixture& fixture);
void refused_is_never_delivered(const Fixture& fixture);
void late_publish_tells_the_truth(const Fixture& fixture);

// receive_checks.cpp
void accepted_equals_delivered(const Fixture& fixture);
void receive_respects_max(const Fixture& fixture);
void receive_keeps_its_deadline(const Fixture& fixture);
void stop_wakes_a_receive(const Fixture& fixture);
void publish_wakes_a_receive(const Fixture& fixture);
void return_wakes_a_receive(const Fixture& fixture);

// settle_checks.cpp
void nacked_comes_again(const Fixture& fixture);
void retried_comes_again(const Fixture& fixture);
void retry_waits_for_its_delay(const Fixture& fixture);
void acked_never_comes_again(const Fixture& fixture);
void rejected_never_comes_again(const Fixture& fixture);
void consumer_books_balance(const Fixture& fixture);
void producer_books_balance(const Fixture& fixture);

// shutdown_checks.cpp
void closed_refuses_publishing(const Fixture& fixture);
void accepted_is_delivered_before_closed(const Fixture& fixture);
void receivers_wake_at_the_end(const Fixture& fixture);
void drain_waits_for_settlement(const Fixture& fixture);
void drain_keeps_its_deadline(const Fixture& fixture);
void abort_calls_every_done(const Fixture& fixture);
void accepted_survives_a_restart(const Fixture& fixture);

}  // namespace millrace::conformance
