#include "edge/ingest/ingest_core.h"

#include "base/uuid.h"

namespace millrace::edge {

IngestCore::IngestCore(queue::Producer& producer, observe::Registry& registry, const Clock& clock)
    : producer_(producer),
      clock_(clock),
      received_(registry.counter("millrace_ingest_received_total",
                                 "Well-formed messages received for the queue.")),
      sent_(registry.counter("millrace_ingest_sent_total", "Messages the queue has accepted.")),
      failed_(registry.counter("millrace_ingest_failed_total",
                               "Messages the queue refused, or whose outcome is unknown.")) {}

Result<Message> IngestCore::make_message(Result<IngestItem>& item) const {
  if (!item.has_value()) return std::move(item).error();
  IngestFields& fields = item->fields;
  const std::string& key = item->idempotency_key;
  if (key.size() > kIdempotencyKeyBytesMax) {
    return Status(Code::rejected, "Idempotency-Key: must be at most 256 bytes");
  }
  const Uuid id = key.empty() ? Uuid::v7() : Uuid::derived(fields.source, key);
  MessageFields message{id.text(), clock_.unix_seconds(), std::move(fields.source),
                        std::move(fields.data), std::move(fields.metadata)};
  if (Status refused = validate(message); !refused.ok()) return refused;
  return Message::encode(message);
}

void IngestCore::ingest(std::vector<Result<IngestItem>> items, Time deadline, IngestDone done) {
  std::vector<IngestAnswer> answers(items.size());
  std::vector<Message> batch;
  std::vector<std::size_t> places;  // of the batch's messages among the answers
  for (std::size_t i = 0; i < items.size(); ++i) {
    Result<Message> message = make_message(items[i]);
    if (!message.has_value()) {
      answers[i].status = std::move(message).error();
      continue;
    }
    answers[i].message_id = message->id();
    batch.push_back(std::move(*message));
    places.push_back(i);
  }
  if (batch.empty()) return done(std::move(answers));
  received_.add(batch.size());
  producer_.publish(std::move(batch), deadline,
                    [this, answers = std::move(answers), places = std::move(places),
                     done = std::move(done)](std::vector<Status> verdicts) mutable {
                      std::uint64_t sent = 0;
                      for (std::size_t k = 0; k < places.size(); ++k) {
                        sent += verdicts[k].ok() ? 1U : 0U;
                        answers[places[k]].status = std::move(verdicts[k]);
                      }
                      sent_.add(sent);
                      failed_.add(places.size() - sent);
                      done(std::move(answers));
                    });
}

IngestStats IngestCore::stats() const {
  // Read in this order, so that received is never less than the others together.
  const std::uint64_t sent = sent_.value();
  const std::uint64_t failed = failed_.value();
  return {received_.value(), sent, failed};
}

}  // namespace millrace::edge
