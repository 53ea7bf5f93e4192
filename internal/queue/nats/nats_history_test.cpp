#include "queue/nats/nats_history.h"

#include <catch2/catch.hpp>

namespace millrace::queue {
namespace {

TEST_CASE("a delivery that was given back unhandled is no attempt") {
  NatsHistory history;
  CHECK(history.attempt(1, 1) == 1);
  CHECK(history.attempt(1, 3) == 3);
  history.note_unhandled(1, {});
  history.note_unhandled(1, {});
  CHECK(history.attempt(1, 3) == 1);
  CHECK(history.attempt(1, 4) == 2);
  CHECK(history.attempt(1, 2) == 1);
  CHECK(history.attempt(2, 3) == 3);
  history.forget(1);
  CHECK(history.attempt(1, 3) == 3);
}

TEST_CASE("the first failure is remembered, not the latest") {
  NatsHistory history;
  CHECK(history.first_failed_ms(1) == 0);
  history.note_failed(1, {}, 500);
  history.note_failed(1, {}, 600);
  CHECK(history.first_failed_ms(1) == 500);
}

TEST_CASE("the history is bounded in number and time") {
  NatsHistory history;
  for (std::uint64_t i = 0; i < NatsHistory::kMax; ++i) history.note_failed(i, {}, 1);
  history.note_failed(NatsHistory::kMax, {}, 1);
  CHECK(history.first_failed_ms(NatsHistory::kMax) == 0);
  history.forget_older(Time{} + NatsHistory::kKept);
  CHECK(history.first_failed_ms(1) == 1);
  history.forget_older(Time{} + NatsHistory::kKept + std::chrono::nanoseconds(1));
  CHECK(history.first_failed_ms(1) == 0);
}

}  // namespace
}  // namespace millrace::queue
