#include "message/batch_splitter.h"

#include <catch2/catch.hpp>
#include <vector>

namespace millrace {
namespace {

using Form = BatchSplitter::Form;
using Elements = std::vector<std::string>;

constexpr std::size_t kElementMax = 40;

// Errors as "code: text".
Elements split(Form form, std::string_view text, std::size_t step = SIZE_MAX) {
  Elements out;
  BatchSplitter splitter(form, kElementMax, [&out](const Result<std::string_view>& element) {
    out.push_back(element.has_value() ? std::string(*element) : to_string(element.error()));
  });
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    splitter.feed(text.substr(0, step));
  }
  splitter.end();
  return out;
}

struct Case {
  Form form;
  std::string text;
  Elements elements;
};

TEST_CASE("elements are cut out however the bytes come", "[batch]") {
  const std::string large(kElementMax + 1, 'x');
  const std::string blanks(kElementMax + 1, '\n');
  const std::string too_large = "too_large: a message must be at most 40 bytes";
  const std::vector<Case> cases = {
      {Form::lines, "", {}},
      {Form::lines, "\n\r\n  \n", {}},
      {Form::lines,
       "{\"a\":1}\n{\"b\":2}\r\n\n  {\"c\":3}",
       {"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"}},
      {Form::lines, "1\n" + large + "\n2\n", {"1", too_large, "2"}},
      {Form::lines, large, {too_large}},
      {Form::array, "[]", {}},
      {Form::array, " \n[ ] \n", {}},
      {Form::array, "[1]", {"1"}},
      {Form::array, "[" + blanks + "]", {}},
      {Form::array, "[" + blanks + "1," + blanks + "2]", {"1", "2"}},
      {Form::array,
       "[{\"a\":[1,{}],\"b\":\"],\\\"[\"} , \"x,\\\\\" ,[2,3]]",
       {"{\"a\":[1,{}],\"b\":\"],\\\"[\"}", "\"x,\\\\\"", "[2,3]"}},
      {Form::array, "[\n {\n \"a\": 1 },\n {\"b\":\n2}\n]\n", {"{  \"a\": 1 }", "{\"b\": 2}"}},
      {Form::array,
       "[\"a\nb\"]",
       {"\"a\x01"
        "b\""}},
      {Form::array, "[1,,2]", {"1", "", "2"}},
      {Form::array, "[1,]", {"1", ""}},
      {Form::array, "[\"" + large + "\",2]", {too_large, "2"}},
      {Form::array, "", {"invalid: not a whole JSON array: its end is missing"}},
      {Form::array, "[1,2", {"1", "invalid: not a whole JSON array: its end is missing"}},
      {Form::array, "{\"a\":1}", {"invalid: not a JSON array: it doesn't begin with ["}},
      {Form::array, "[1] [2]", {"1", "invalid: something follows the JSON array's end"}},
      {Form::array, "[1]],3", {"1", "invalid: something follows the JSON array's end"}},
  };
  for (const Case& c : cases) {
    for (const std::size_t step : {SIZE_MAX, std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
      CAPTURE(c.text, step);
      CHECK(split(c.form, c.text, step) == c.elements);
    }
  }
}

}  // namespace
}  // namespace millrace
