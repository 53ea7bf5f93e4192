// Dead letters as lines of JSON in a file, whole and never deleted (append_file.h):
//
//   {"id":"...","source":"...","reason":"...","attempts":3,
//    "dead_lettered_at":"2026-01-02T03:04:05.678Z","message":{...}}
//
// One that was replayed stays, and a line after it takes it off the list:
//
//   {"replayed":["1024-89abcdef"],"at":"..."}
//
// Its key is the line's offset in the file and the line's CRC-32. Listing reads the file backwards
// from its end; it knows the file that is open now, not those it was before a SIGHUP.
//
// `message` is the diplom.v1.DataMessage in protobuf's JSON form with the proto field names; of one
// that can't be decoded there is `wire` instead, its bytes in base64.
#pragma once

#include "queue/dead_letters.h"
#include "sink/append_file.h"

namespace millrace::worker {

// Thread-safe.
class FileDeadLetters final : public queue::DeadLetters {
 public:
  explicit FileDeadLetters(sink::AppendFileOptions options)
      : clock_(*options.clock), file_(std::move(options)) {}

  // Opens the file; Code::unavailable says which and why not.
  Status start() override { return file_.open(); }

  Status write(std::span<const queue::DeadLetter> letters) override;
  Result<queue::DeadLetterPage> list(std::string_view after, std::size_t max) override;
  Status mark_replayed(std::span<const std::string> keys) override;
  Status flush() override { return file_.sync(); }
  Status reopen() override { return file_.reopen(); }

 private:
  const Clock& clock_;
  sink::AppendFile file_;
};

}  // namespace millrace::worker
