#include "worker/text.h"

#include <catch2/catch.hpp>

#include "message/utf8.h"

namespace millrace::worker {
namespace {

TEST_CASE("bounded_text leaves short UTF-8 alone") {
  CHECK(bounded_text("") == "");
  CHECK(bounded_text("zu groß") == "zu groß");
}

TEST_CASE("bounded_text cuts between characters") {
  std::string text;
  while (text.size() <= kReasonBytesMax) text += "ß";
  const std::string cut = bounded_text("x" + text);
  CHECK(cut.size() <= kReasonBytesMax);
  CHECK(cut.size() > kReasonBytesMax - 8);
  CHECK(is_utf8(cut));
  CHECK_THAT(cut, Catch::Matchers::EndsWith("ß..."));
}

TEST_CASE("bounded_text replaces what isn't UTF-8, even cut out of nothing but such bytes") {
  CHECK(bounded_text("a\xff\xc3z") == "a??z");
  CHECK(is_utf8(bounded_text(std::string(5000, '\xbf'))));
}

}  // namespace
}  // namespace millrace::worker
