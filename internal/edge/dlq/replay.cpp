#include "edge/dlq/replay.h"

#include <algorithm>
#include <future>

#include "base/uuid.h"

namespace millrace::edge {
namespace {

constexpr std::size_t kPage = 100;
// How long one page's publish may take at most; a replay ends when less is left.
constexpr std::chrono::seconds kPublishMax{1};

// The same for the same letter in every process, and never 0.
std::uint64_t replay_number(const std::string& key) {
  std::uint64_t number = 1;
  for (const char c : Uuid::derived("dead letter", key).chars()) {
    number = number * 31 + static_cast<unsigned char>(c);
  }
  return number | 1;
}

class Replaying {
 public:
  Replaying(queue::DeadLetters& letters, queue::Producer& producer, Duration publish_timeout)
      : letters_(letters), producer_(producer), publish_timeout_(publish_timeout) {}

  // False when it makes no sense to go on.
  bool page(std::vector<queue::KeptLetter> matched);
  ReplayOutcome outcome;

 private:
  std::vector<Status> publish(std::vector<Message> batch);
  void fail(Status why) {
    ++outcome.failed;
    if (outcome.first_failure.ok()) outcome.first_failure = std::move(why);
  }

  queue::DeadLetters& letters_;
  queue::Producer& producer_;
  const Duration publish_timeout_;
};

bool Replaying::page(std::vector<queue::KeptLetter> matched) {
  std::vector<Message> batch;
  std::vector<std::string> keys;
  for (queue::KeptLetter& letter : matched) {
    auto message = Message::decode(std::move(letter.wire));
    if (!message.has_value()) {
      fail({Code::rejected, letter.key + " can't be replayed: " + message.error().text()});
      continue;
    }
    message->set_replay(replay_number(letter.key));
    batch.push_back(std::move(*message));
    keys.push_back(std::move(letter.key));
  }
  if (batch.empty()) return true;
  std::vector<Status> verdicts = publish(std::move(batch));
  std::vector<std::string> stored;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (verdicts[i].ok()) {
      stored.push_back(std::move(keys[i]));
    } else {
      fail(std::move(verdicts[i]));
    }
  }
  if (stored.empty()) return false;
  if (Status marked = letters_.mark_replayed(stored); !marked.ok()) {
    for (std::size_t i = 0; i < stored.size(); ++i) fail(marked);
    return false;
  }
  outcome.replayed += stored.size();
  return true;
}

std::vector<Status> Replaying::publish(std::vector<Message> batch) {
  auto answered = std::make_shared<std::promise<std::vector<Status>>>();
  auto verdicts = answered->get_future();
  producer_.publish(std::move(batch), std::chrono::steady_clock::now() + publish_timeout_,
                    [answered](std::vector<Status> all) { answered->set_value(std::move(all)); });
  return verdicts.get();
}

}  // namespace

ReplayOutcome replay(queue::DeadLetters& letters, queue::Producer& producer,
                     const ReplayRequest& request, Time deadline) {
  const Duration budget = deadline - std::chrono::steady_clock::now();
  const Duration publish_timeout = std::min<Duration>(kPublishMax, budget / 2);
  Replaying replaying(letters, producer, publish_timeout);
  ReplayOutcome& outcome = replaying.outcome;
  std::string after;
  do {
    if (std::chrono::steady_clock::now() + publish_timeout > deadline) {
      outcome.more = true;
      break;
    }
    auto page = letters.list(after, kPage);
    if (!page.has_value()) {
      outcome.first_failure = page.error();
      break;
    }
    after = std::move(page->next);
    std::erase_if(page->letters, [&](const auto& letter) { return !request.matches(letter); });
    outcome.matched += page->letters.size();
    if (!request.dry_run && !replaying.page(std::move(page->letters))) {
      outcome.more = !after.empty();
      break;
    }
  } while (!after.empty());
  return std::move(outcome);
}

}  // namespace millrace::edge
