#include "queue/nats/nats_dead_letters.h"

#include <algorithm>
#include <optional>

#include "base/parse_number.h"
#include "base/uuid.h"
#include "queue/nats/nats_error.h"
#include "queue/nats/nats_topology.h"

namespace millrace::queue {
namespace {

constexpr std::int64_t kAnswerTimeoutMs = 2000;

// A header's value is a line: anything else would end it.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return line;
}

std::string_view header(natsMsg* message, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(message, name, &value) == NATS_OK ? value : "";
}

// Two letters of the same failure have the same id, so that the second one is dropped. One without
// a place in a stream can't be told from its own replay that failed again: it has none.
std::string letter_id(const DeadLetter& letter) {
  const Origin& origin = letter.origin;
  if (origin.position < 0) return "";
  // What isn't ours has no id, and several of them can have been in one frame.
  const std::string id =
      letter.id.empty() ? Uuid::derived("", letter.wire).text() : one_line(letter.id);
  return "dlq/" + one_line(origin.stream) + "/" + std::to_string(origin.partition) + "/" +
         std::to_string(origin.position) + "/" + std::to_string(letter.attempts) + "/" + id;
}

KeptLetter letter_of(natsMsg* message) {
  KeptLetter letter;
  letter.key = std::to_string(natsMsg_GetSequence(message));
  letter.id = header(message, "Millrace-Id");
  letter.source = header(message, "Millrace-Source");
  letter.reason = header(message, "Millrace-Reason");
  letter.attempts = parse_number<std::uint32_t>(header(message, "Millrace-Attempts")).value_or(0);
  letter.dead_lettered_ms =
      parse_number<std::int64_t>(header(message, "Millrace-Dead-Lettered-At")).value_or(0);
  letter.origin.stream = header(message, "Millrace-Stream");
  letter.origin.position =
      parse_number<std::int64_t>(header(message, "Millrace-Sequence")).value_or(-1);
  letter.origin.first_failed_ms =
      parse_number<std::int64_t>(header(message, "Millrace-First-Failed-At")).value_or(0);
  letter.wire.assign(natsMsg_GetData(message),
                     static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  return letter;
}

Status failure(natsStatus status, jsErrCode code = static_cast<jsErrCode>(0)) {
  return {Code::unavailable, "nats dead letters: " + nats_text(status, code)};
}

}  // namespace

NatsDeadLetters::NatsDeadLetters(NatsOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      link_(options_, "dead letters",
            [this](jsCtx& js) { return ensure_dead_letter_stream(js, options_); }) {}

Status NatsDeadLetters::start() {
  link_.start();
  return {};
}

Status NatsDeadLetters::write(std::span<const DeadLetter> letters) {
  const auto session = link_.session();
  if (session == nullptr) return link_.health();
  for (const DeadLetter& letter : letters) {
    if (Status failed = publish(*session, letter); !failed.ok()) return failed;
  }
  return {};
}

Status NatsDeadLetters::publish(NatsSession& session, const DeadLetter& letter) {
  natsMsg* raw = nullptr;
  natsStatus status = natsMsg_Create(&raw, options_.dead_letter_subject.c_str(), nullptr,
                                     letter.wire.data(), static_cast<int>(letter.wire.size()));
  const NatsMessage message(raw);
  const auto set = [&](const char* name, const std::string& value) {
    // The library reads an empty header back as the next one.
    if (status == NATS_OK && !value.empty()) status = natsMsgHeader_Set(raw, name, value.c_str());
  };
  set("Millrace-Id", one_line(letter.id));
  set("Millrace-Source", one_line(letter.source));
  set("Millrace-Reason", one_line(letter.reason));
  set("Millrace-Attempts", std::to_string(letter.attempts));
  set("Millrace-Dead-Lettered-At", std::to_string(clock_.unix_ms()));
  set("Millrace-First-Failed-At", std::to_string(letter.origin.first_failed_ms));
  set("Millrace-Stream", letter.origin.stream);
  set("Millrace-Sequence", std::to_string(letter.origin.position));
  const std::string id = letter_id(letter);
  jsPubOptions publish;
  jsPubOptions_Init(&publish);
  if (!id.empty()) publish.MsgId = id.c_str();
  publish.MaxWait = kAnswerTimeoutMs;
  jsErrCode code = static_cast<jsErrCode>(0);
  if (status == NATS_OK) status = js_PublishMsg(nullptr, session.js(), raw, &publish, &code);
  if (status == NATS_NO_RESPONDERS) link_.recheck();
  return status == NATS_OK ? Status() : failure(status, code);
}

Result<DeadLetterPage> NatsDeadLetters::list(std::string_view after, std::size_t max) {
  std::uint64_t below = UINT64_MAX;
  if (!after.empty()) {
    const auto sequence = parse_number<std::uint64_t>(after);
    if (!sequence) return Status(Code::invalid, "not a position in the dead letters");
    below = *sequence;
  }
  const auto session = link_.session();
  if (session == nullptr) return link_.health();
  DeadLetterPage page;
  if (Status failed = read_page(*session, below, max, page); !failed.ok()) return failed;
  return page;
}

Status NatsDeadLetters::read_page(NatsSession& session, std::uint64_t below, std::size_t max,
                                  DeadLetterPage& page) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Stream.Info.DeletedDetails = true;
  jsStreamInfo* raw = nullptr;
  jsErrCode code = static_cast<jsErrCode>(0);
  natsStatus status =
      js_GetStreamInfo(&raw, session.js(), options_.dead_letter_stream.c_str(), &options, &code);
  if (status != NATS_OK) return failure(status, code);
  const NatsStreamInfo info(raw);
  const jsStreamState& state = info->State;
  const std::span deleted(state.Deleted, static_cast<std::size_t>(state.DeletedLen));
  const std::uint64_t first = std::max<std::uint64_t>(state.FirstSeq, 1);
  const std::uint64_t end = state.Msgs == 0 ? first : std::min(below, state.LastSeq + 1);
  for (std::uint64_t sequence = end; sequence-- > first;) {
    if (page.letters.size() == max) {
      page.next = std::to_string(sequence + 1);
      return {};
    }
    if (std::binary_search(deleted.begin(), deleted.end(), sequence)) continue;
    natsMsg* message = nullptr;
    status = js_GetMsg(&message, session.js(), options_.dead_letter_stream.c_str(), sequence,
                       nullptr, &code);
    const NatsMessage owned(message);
    if (status == NATS_NOT_FOUND) continue;  // replayed meanwhile
    if (status != NATS_OK) return failure(status, code);
    page.letters.push_back(letter_of(message));
  }
  return {};
}

Status NatsDeadLetters::mark_replayed(std::span<const std::string> keys) {
  const auto session = link_.session();
  if (session == nullptr) return link_.health();
  for (const std::string& key : keys) {
    const auto sequence = parse_number<std::uint64_t>(key);
    if (!sequence) return {Code::invalid, "'" + key + "' is no dead letter's key"};
    jsErrCode code = static_cast<jsErrCode>(0);
    const natsStatus status =
        js_DeleteMsg(session->js(), options_.dead_letter_stream.c_str(), *sequence, nullptr, &code);
    if (status == NATS_OK || status == NATS_NOT_FOUND || code == JSSequenceNotFoundErr) continue;
    return failure(status, code);
  }
  return {};
}

}  // namespace millrace::queue
