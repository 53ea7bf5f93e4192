// The elements of a batch of messages, cut out of its bytes as they come: the lines of NDJSON, or
// the values of a JSON array. It doesn't look into them: what they are worth is their parser's to
// say.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace millrace {

// Not thread-safe.
class BatchSplitter {
 public:
  enum class Form { lines, array };

  // An element, in one line: a line feed in it has become a blank, or within a string another
  // character that no JSON string may have. Code::too_large instead of one that has more than
  // `element_bytes_max`; Code::invalid, for the last time, where the array ends being one. The view
  // ends with the call.
  using Take = std::function<void(Result<std::string_view> element)>;

  BatchSplitter(Form form, std::size_t element_bytes_max, Take take)
      : form_(form), element_bytes_max_(element_bytes_max), take_(std::move(take)) {}

  // Hands out the elements that are whole with `bytes`; keeps what may be the next one's beginning.
  void feed(std::string_view bytes);
  // There is no more.
  void end();

 private:
  enum class Place { before, inside, after };  // of the array

  void feed_lines(std::string_view bytes);
  void feed_array(std::string_view bytes);
  std::size_t scan_element(std::string_view bytes);
  void begin_array(std::string_view& bytes);
  void take_inside(std::string_view& bytes);
  void check_after(std::string_view& bytes);
  void keep(std::string_view part);
  void close_element(std::string_view last_part);
  void hand_out(std::string_view element);
  void fail(const char* why);

  const Form form_;
  const std::size_t element_bytes_max_;
  const Take take_;
  std::string kept_;
  bool too_large_ = false;
  bool failed_ = false;
  // Of an array:
  Place place_ = Place::before;
  bool any_ = false;  // an element was closed by a comma
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace millrace
