#include "edge/ingest/ingest_core.h"

#include "base/uuid.h"

namespace millrace::edge {

IngestCore::IngestCore(queue::Producer& producer, observe::Registry& registry,
                       KeyWindowOptions keys, const Clock& clock)
    : producer_(producer),
      clock_(clock),
      keys_(keys, clock),
      received_(registry.counter("millrace_ingest_received_total",
                                 "Well-formed messages received for the queue.")),
      sent_(registry.counter("millrace_ingest_sent_total", "Messages the queue has accepted.")),
      failed_(registry.counter("millrace_ingest_failed_total",
                               "Messages the queue refused, or whose outcome is unknown.")) {}

std::optional<Message> IngestCore::prepare(Result<IngestItem>& item, std::int64_t now_ms,
                                           IngestAnswer& answer, Place& place) {
  const auto refuse = [&](Status why) {
    answer.status = std::move(why);
    return std::nullopt;
  };
  if (!item.has_value()) return refuse(std::move(item).error());
  IngestFields& fields = item->fields;
  const std::string& key = item->idempotency_key;
  if (key.size() > kIdempotencyKeyBytesMax) {
    return refuse({Code::rejected, "Idempotency-Key: must be at most 256 bytes"});
  }
  const Uuid id = key.empty() ? Uuid::v7(now_ms) : Uuid::derived(fields.source, key, item->place);
  MessageFields message{id.text(), now_ms / 1000, std::move(fields.source), std::move(fields.data),
                        std::move(fields.metadata)};
  if (Status refused = validate(message); !refused.ok()) return refuse(std::move(refused));
  if (!key.empty()) place.use.emplace(message);
  const auto seen = place.use ? keys_.begin(*place.use) : KeyWindow::Seen::first;
  if (seen == KeyWindow::Seen::other_body) {
    return refuse({Code::rejected, "Idempotency-Key: was used for another body"});
  }
  std::optional<Message> encoded;
  if (seen == KeyWindow::Seen::first) encoded = Message::encode(message);
  answer.message_id = std::move(message.id);
  return encoded;
}

void IngestCore::ingest(std::vector<Result<IngestItem>> items, Time deadline, IngestDone done) {
  ingest_through(
      [this](std::vector<Message> batch, Time latest, queue::PublishDone judged) {
        producer_.publish(std::move(batch), latest, std::move(judged));
      },
      std::move(items), deadline, std::move(done));
}

void IngestCore::ingest_through(Publish publish, std::vector<Result<IngestItem>> items,
                                Time deadline, IngestDone done) {
  const std::int64_t now_ms = clock_.unix_ms();
  std::uint64_t known = 0;
  std::vector<IngestAnswer> answers(items.size());
  std::vector<Message> batch;
  std::vector<Place> places;
  batch.reserve(items.size());
  places.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    Place place{i};
    auto message = prepare(items[i], now_ms, answers[i], place);
    if (message) {
      batch.push_back(std::move(*message));
      places.push_back(place);
    } else if (answers[i].status.ok()) {
      ++known;
    }
  }
  received_.add(batch.size() + known);
  sent_.add(known);  // once more: the queue has them
  if (batch.empty()) return done(std::move(answers));
  publish(std::move(batch), deadline,
          [this, answers = std::move(answers), places = std::move(places),
           done = std::move(done)](std::vector<Status> verdicts) mutable {
            std::uint64_t sent = 0;
            for (std::size_t k = 0; k < places.size(); ++k) {
              IngestAnswer& answer = answers[places[k].answer];
              sent += verdicts[k].ok() ? 1U : 0U;
              if (places[k].use) keys_.end(*places[k].use, verdicts[k]);
              answer.status = std::move(verdicts[k]);
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
