#include "queue/kafka/kafka_dead_letters.h"

#define XXH_INLINE_ALL
#include <algorithm>
#include <bit>
#include <optional>
#include <xxhash.h>

#include "base/parse_number.h"
#include "base/uuid.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr milliseconds kWriteTimeout{4000};
constexpr milliseconds kReportPatience{5000};  // the library reports after kWriteTimeout
// Letters further apart than so many records are read one by one.
constexpr std::int64_t kGapMax = 200;

// Written again, a letter has the same key. One without a place in a stream can't be told from its
// own replay that failed again, which the replay's tombstone would hide: it gets a key of its own.
std::string key_of(const DeadLetter& letter) {
  std::string whole = letter.origin.position < 0 ? Uuid::v7().text() : "";
  whole.append(letter.origin.stream).append("\n");
  for (const std::int64_t number :
       {static_cast<std::int64_t>(letter.origin.partition), letter.origin.position,
        static_cast<std::int64_t>(letter.attempts)}) {
    whole.append(std::to_string(number)).append("\n");
  }
  whole.append(letter.id);
  const XXH128_hash_t hash = XXH3_128bits(whole.data(), whole.size());
  std::string key;
  for (const std::uint64_t half : {hash.high64, hash.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) key.push_back(kHexDigits[(half >> shift) & 15]);
  }
  return key;
}

bool is_key(std::string_view text) {
  return text.size() == kKeyBytes && text.find_first_not_of(kHexDigits) == text.npos;
}

std::string_view key_of(const rd_kafka_message_t& record) {
  return {static_cast<const char*>(record.key), record.key_len};
}

std::string_view header(const rd_kafka_headers_t* headers, const char* name) {
  const void* value = nullptr;
  std::size_t size = 0;
  if (headers == nullptr ||
      rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return "";
  }
  return {static_cast<const char*>(value), size};
}

KeptLetter letter_of(const rd_kafka_message_t& record) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) headers = nullptr;
  const auto text = [&](const char* name) { return header(headers, name); };
  KeptLetter letter;
  letter.key = key_of(record);
  letter.id = text("millrace-id");
  letter.source = text("millrace-source");
  letter.reason = text("millrace-reason");
  letter.attempts = parse_number<std::uint32_t>(text("millrace-attempts")).value_or(0);
  letter.dead_lettered_ms =
      parse_number<std::int64_t>(text("millrace-dead-lettered-at")).value_or(0);
  letter.origin.stream = text("millrace-topic");
  letter.origin.partition = parse_number<std::int32_t>(text("millrace-partition")).value_or(-1);
  letter.origin.position = parse_number<std::int64_t>(text("millrace-offset")).value_or(-1);
  letter.origin.first_failed_ms =
      parse_number<std::int64_t>(text("millrace-first-failed-at")).value_or(0);
  letter.wire.assign(static_cast<const char*>(record.payload), record.len);
  return letter;
}

}  // namespace

struct KafkaDeadLetters::Record {
  std::string key;
  std::optional<std::string_view> value;  // nothing: a tombstone
  KafkaProperties headers;
};

KafkaDeadLetters::KafkaDeadLetters(KafkaOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      watch_(options_, "dead letters",
             // Kept until they are replayed, however long that takes.
             {{options_.dead_letter_topic(), 1, {{"cleanup.policy", "compact"}}}}),
      reader_(options_, options_.dead_letter_topic()) {}

KafkaDeadLetters::~KafkaDeadLetters() { watch_.stop(); }

Status KafkaDeadLetters::start() {
  auto conf = make_kafka_conf(
      // Not idempotent, which a fatal error could end: the key makes a repeat harmless.
      options_, {{"acks", "all"},
                 {"linger.ms", "0"},
                 {"message.timeout.ms", std::to_string(kWriteTimeout.count())}});
  if (!conf.has_value()) return conf.error();
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR);
  auto producer = make_kafka_handle(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!producer.has_value()) return producer.error();
  producer_ = std::move(*producer);
  reports_.reset(rd_kafka_queue_get_main(producer_->get()));
  watch_.start([this] { return producer_; });
  return {};
}

KafkaDeadLetters::Record KafkaDeadLetters::record_of(const DeadLetter& letter) const {
  return {key_of(letter),
          letter.wire,
          {{"millrace-id", std::string(letter.id)},
           {"millrace-source", std::string(letter.source)},
           {"millrace-reason", std::string(letter.reason)},
           {"millrace-attempts", std::to_string(letter.attempts)},
           {"millrace-dead-lettered-at", std::to_string(clock_.unix_ms())},
           {"millrace-first-failed-at", std::to_string(letter.origin.first_failed_ms)},
           {"millrace-topic", letter.origin.stream},
           {"millrace-partition", std::to_string(letter.origin.partition)},
           {"millrace-offset", std::to_string(letter.origin.position)}}};
}

Status KafkaDeadLetters::write(std::span<const DeadLetter> letters) {
  std::vector<Record> records;
  for (const DeadLetter& letter : letters) records.push_back(record_of(letter));
  return produce(records);
}

Status KafkaDeadLetters::mark_replayed(std::span<const std::string> keys) {
  std::vector<Record> tombstones;
  for (const std::string& key : keys) {
    if (!is_key(key)) return {Code::invalid, "'" + key + "' is no dead letter's key"};
    tombstones.push_back({key, std::nullopt, {}});
  }
  return produce(tombstones);
}

Status KafkaDeadLetters::produce(std::span<const Record> records) {
  if (!watch_.ready()) return watch_.health();
  const MutexLock lock(write_mutex_);
  ++round_;
  std::size_t sent = 0;
  Status result;
  for (const Record& record : records) {
    result = send(record);
    if (!result.ok()) break;
    ++sent;
  }
  Status reported = await_reports(sent);
  return result.ok() ? reported : result;
}

Status KafkaDeadLetters::send(const Record& record) {
  const std::string topic = options_.dead_letter_topic();
  const rd_kafka_resp_err_t error =
      queue::produce(producer_->get(), {.topic = topic,
                                        .partition = 0,
                                        .key = record.key,
                                        .value = record.value,
                                        .headers = record.headers,
                                        .opaque = std::bit_cast<void*>(round_)});
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return kafka_unavailable(options_, std::string("dead letters: ") + rd_kafka_err2str(error));
}

Status KafkaDeadLetters::await_reports(std::size_t count) {
  const Time deadline = std::chrono::steady_clock::now() + kReportPatience;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  while (count > 0) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    const KafkaEvent event(left.count() > 0
                               ? rd_kafka_queue_poll(reports_.get(), static_cast<int>(left.count()))
                               : nullptr);
    if (event == nullptr) {
      error = RD_KAFKA_RESP_ERR__TIMED_OUT;
      break;
    }
    while (const rd_kafka_message_t* report = rd_kafka_event_message_next(event.get())) {
      if (std::bit_cast<std::uintptr_t>(report->_private) != round_) continue;  // nobody waits
      --count;
      if (report->err != RD_KAFKA_RESP_ERR_NO_ERROR) error = report->err;
    }
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (error != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) watch_.suspect(rd_kafka_err2str(error));
  return kafka_unavailable(options_, std::string("dead letters: ") + rd_kafka_err2str(error));
}

Result<DeadLetterPage> KafkaDeadLetters::list(std::string_view after, std::size_t max) {
  std::int64_t below = INT64_MAX;
  if (!after.empty()) {
    const auto offset = parse_number<std::int64_t>(after);
    if (!offset || *offset < 0) return Status(Code::invalid, "not a position in the dead letters");
    below = *offset;
  }
  if (!watch_.ready()) return watch_.health();
  const MutexLock lock(read_mutex_);
  if (Status failed = catch_up(); !failed.ok()) return failed;
  DeadLetterPage page;
  const std::vector<std::int64_t> offsets = index_.newest(below, max);
  if (Status failed = read_letters(offsets, page); !failed.ok()) return failed;
  if (!offsets.empty() && index_.any_below(offsets.back())) {
    page.next = std::to_string(offsets.back());
  }
  return page;
}

Status KafkaDeadLetters::catch_up() {
  // The lock's analysis doesn't follow pointers, and a lambda is no part of us to it.
  return reader_.read(next_, [index = &index_, next = &next_](const rd_kafka_message_t& record) {
    index->add(record.offset, key_of(record), record.payload == nullptr);
    *next = record.offset + 1;
    return true;
  });
}

// `offsets` descend. Neighbours are read in one go.
Status KafkaDeadLetters::read_letters(std::span<const std::int64_t> offsets, DeadLetterPage& page) {
  for (std::size_t first = 0; first < offsets.size();) {
    std::size_t end = first + 1;
    while (end < offsets.size() && offsets[end - 1] - offsets[end] <= kGapMax) ++end;
    const auto run = offsets.subspan(first, end - first);
    std::vector<KeptLetter> letters;
    Status failed = reader_.read(run.back(), [&](const rd_kafka_message_t& record) {
      if (std::find(run.begin(), run.end(), record.offset) != run.end()) {
        letters.push_back(letter_of(record));
      }
      return record.offset < run.front();
    });
    if (!failed.ok()) return failed;
    std::move(letters.rbegin(), letters.rend(), std::back_inserter(page.letters));
    first = end;
  }
  return {};
}

}  // namespace millrace::queue
