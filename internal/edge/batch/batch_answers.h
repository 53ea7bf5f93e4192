// What became of a batch, message by message, and the answer made of it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "edge/batch/piece.h"
#include "http/types.h"

namespace millrace::edge {

// Not thread-safe.
class BatchAnswers {
 public:
  // Of the messages from place `first` on; in any order.
  void add(std::uint64_t first, PieceAnswer answer);

  // All accepted: 200. Some: 207. None: the problem of one of them, an unknown outcome first, then
  // what a retry may mend. Each with the counts and an item for each message, which has either its
  // id or its problem: {"accepted":1,"rejected":1,"unknown":0,
  // "items":[{"index":0,"messageId":"..."},{"index":1,"problem":{"status":422,"detail":"...",...}}]}
  [[nodiscard]] http::Response response(std::string_view request_id) const;

 private:
  [[nodiscard]] http::Response none_accepted(std::string_view request_id) const;
  [[nodiscard]] const Status& telling() const;
  void append_counts_and_items(std::string& json) const;

  std::map<std::uint64_t, PieceAnswer> pieces_;
  std::size_t accepted_ = 0;
  std::size_t rejected_ = 0;
  std::size_t unknown_ = 0;
};

}  // namespace millrace::edge
