// A batch's bytes, cut into pieces as the first byte says. How they were cut makes no difference to
// its elements; each is one line, and an array that is JSON has the elements that a parser finds.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "message/batch_splitter.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

using Form = BatchSplitter::Form;

constexpr std::size_t kElementBytesMax = 64;

std::vector<std::string> split(Form form, std::string_view bytes, std::size_t step) {
  std::vector<std::string> out;
  bool over = false;
  BatchSplitter splitter(form, kElementBytesMax, [&](const Result<std::string_view>& element) {
    require(!over, "nothing follows the array's end");
    if (element.has_value()) {
      require(element->find_first_of("\r\n") == std::string_view::npos || form == Form::lines,
              "an element is one line");
      require(element->find('\n') == std::string_view::npos, "an element has no line feed");
      require(element->size() <= kElementBytesMax, "an element is bounded");
      out.emplace_back(*element);
    } else {
      over = element.error().code() == Code::invalid;
      out.push_back(to_string(element.error()));
    }
  });
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    splitter.feed(bytes.substr(0, step));
  }
  splitter.end();
  return out;
}

void compare_with_parser(std::string_view bytes, const std::vector<std::string>& elements) {
  if (bytes.find('\0') != std::string_view::npos) return;  // that parser takes it for the end
  const auto parsed = nlohmann::json::parse(bytes, nullptr, false);
  if (!parsed.is_array()) return;
  require(parsed.size() == elements.size(), "as many elements as a parser finds");
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].starts_with("too_large: ")) continue;
    require(nlohmann::json::parse(elements[i]) == parsed[i], "the elements that a parser finds");
  }
}

void check(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto step = static_cast<std::size_t>(static_cast<std::uint8_t>(bytes.front())) + 1;
  bytes.remove_prefix(1);
  for (const Form form : {Form::lines, Form::array}) {
    const auto whole = split(form, bytes, SIZE_MAX);
    require(whole == split(form, bytes, step), "how it is cut makes no difference");
    if (form == Form::array) compare_with_parser(bytes, whole);
  }
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::fuzz::check(millrace::fuzz::as_text(data, size));
  return 0;
}
