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

  // All accepted: 200 with their ids. Some: 207 with an entry for each. None: an error of one of
  // them, an unknown outcome first, then what a retry may mend, with the entries too.
  [[nodiscard]] http::Response response(std::string_view request_id) const;

 private:
  [[nodiscard]] http::Response all_accepted() const;
  [[nodiscard]] http::Response none_accepted(std::string_view request_id) const;
  [[nodiscard]] const Status& telling() const;
  void append_entries(std::string& json) const;

  std::map<std::uint64_t, PieceAnswer> pieces_;
  std::size_t accepted_ = 0;
  std::size_t rejected_ = 0;
  std::size_t unknown_ = 0;
};

}  // namespace millrace::edge
