#include "edge/batch/batch_sink.h"

#include <catch2/catch.hpp>
#include <deque>
#include <nlohmann/json.hpp>

namespace millrace::edge {
namespace {

using Form = BatchSplitter::Form;
using nlohmann::json;

struct Answered final : http::ReplyTarget {
  void answer(std::uint64_t /*exchange*/, http::Response given) override {
    response = std::move(given);
    ++answers;
  }
  void dropped(std::uint64_t /*exchange*/) override { ++drops; }

  http::Response response;
  int answers = 0;
  int drops = 0;
};

std::string id_of(std::uint64_t number) {
  std::string id = std::to_string(number);
  return std::string(PieceAnswer::kIdBytes - id.size(), '0') + id;
}

struct Batch {
  struct Sent {
    BatchPiece piece;
    UniqueFunction<void(PieceAnswer)> done;
  };

  explicit Batch(Form form = Form::lines)
      : sink(std::make_shared<BatchSink>(
            form,
            [this](BatchPiece piece, UniqueFunction<void(PieceAnswer)> done) {
              sent.push_back({std::move(piece), std::move(done)});
            },
            http::Reply(target, 0), [this] { ++resumed; }, "request-1")) {}

  // All of the piece's messages are accepted, but for the first `problems`.
  void answer(std::size_t index, std::size_t problems = 0, Code code = Code::rejected) {
    Sent piece = std::move(sent.at(index));
    sent.erase(sent.begin() + static_cast<std::ptrdiff_t>(index));
    PieceAnswer answer;
    answer.count = piece.piece.count;
    for (std::uint32_t i = 0; i < answer.count; ++i) {
      if (i < problems) {
        answer.problems.push_back({i, Status(code, "because")});
      } else {
        answer.ids += id_of(piece.piece.first + i);
      }
    }
    piece.done(std::move(answer));
  }
  [[nodiscard]] json body() const { return json::parse(target->response.body); }

  std::shared_ptr<Answered> target = std::make_shared<Answered>();
  std::deque<Sent> sent;
  int resumed = 0;
  std::shared_ptr<BatchSink> sink;
};

TEST_CASE("what came together is sent together, and answered at the end", "[batch]") {
  Batch t;
  CHECK(t.sink->write("{1}\n{2}\n{3"));
  REQUIRE(t.sent.size() == 1);
  CHECK(t.sent[0].piece.first == 0);
  CHECK(t.sent[0].piece.count == 2);
  CHECK(t.sent[0].piece.lines == "{1}\n{2}\n");
  CHECK(t.sink->write("}\n"));
  t.sink->end();
  CHECK(t.sent.size() == 2);
  t.answer(1);
  CHECK(t.target->answers == 0);
  t.answer(0);
  REQUIRE(t.target->answers == 1);
  CHECK(t.target->response.status == 200);
  CHECK(t.body() == json{{"status", "accepted"},
                         {"accepted", 3},
                         {"rejected", 0},
                         {"unknown", 0},
                         {"items",
                          {{{"index", 0}, {"messageId", id_of(0)}},
                           {{"index", 1}, {"messageId", id_of(1)}},
                           {{"index", 2}, {"messageId", id_of(2)}}}}});
}

TEST_CASE("some are accepted", "[batch]") {
  Batch t(Form::array);
  CHECK(t.sink->write("[{1},{2},{3}]"));
  t.sink->end();
  t.answer(0, 1);
  CHECK(t.target->response.status == 207);
  const json body = t.body();
  CHECK(body.at("status") == "partial");
  CHECK(body.at("accepted") == 2);
  CHECK(body.at("rejected") == 1);
  CHECK(body.at("items") == json{{{"index", 0},
                                  {"problem",
                                   {{"title", "Unprocessable Content"},
                                    {"status", 422},
                                    {"detail", "because"},
                                    {"retryable", false}}}},
                                 {{"index", 1}, {"messageId", id_of(1)}},
                                 {{"index", 2}, {"messageId", id_of(2)}}});
}

TEST_CASE("none is accepted: the error a retry may mend is preferred", "[batch]") {
  Batch t;
  CHECK(t.sink->write("{1}\n"));
  CHECK(t.sink->write("{2}\n"));
  t.sink->end();
  t.answer(0, 1, Code::invalid);
  t.answer(0, 1, Code::full);
  CHECK(t.target->response.status == 503);
  CHECK(t.body().at("request_id") == "request-1");
  CHECK(t.body().at("items").size() == 2);
  CHECK(t.body().at("items")[1].at("problem").at("retryable") == true);
}

TEST_CASE("an unknown outcome isn't called rejected", "[batch]") {
  Batch t;
  CHECK(t.sink->write("{1}\n"));
  t.sink->end();
  t.answer(0, 1, Code::deadline);
  CHECK(t.target->response.status == 504);
  CHECK(t.body().at("items")[0].at("problem").at("status") == 504);
  CHECK(t.body().at("unknown") == 1);
  CHECK(t.body().at("rejected") == 0);
}

// Who is told 503 sends all of it again.
TEST_CASE("one unknown outcome among refusals is told first", "[batch]") {
  for (const bool unknown_first : {true, false}) {
    Batch t;
    CHECK(t.sink->write("{1}\n"));
    CHECK(t.sink->write("{2}\n"));
    t.sink->end();
    t.answer(0, 1, unknown_first ? Code::deadline : Code::full);
    t.answer(0, 1, unknown_first ? Code::full : Code::deadline);
    CHECK(t.target->response.status == 504);
    CHECK(t.body().at("unknown") == 1);
    CHECK(t.body().at("rejected") == 1);
    CHECK(t.body().at("detail").get<std::string>().find("1 have an unknown outcome") !=
          std::string::npos);
  }
}

TEST_CASE("a body that is cut is answered by what came before, if anything did", "[batch]") {
  Batch some;
  CHECK(some.sink->write("{1}\n{2"));
  some.sink->cut({Code::too_large, "the request's body is larger than 5 bytes"});
  some.answer(0);
  CHECK(some.target->response.status == 207);
  CHECK(some.body().at("accepted") == 1);
  CHECK(some.body().at("items")[1].at("problem").at("status") == 413);
  Batch none;
  none.sink->cut({Code::invalid, "nothing came"});
  CHECK(none.target->answers == 0);
  none.sink.reset();
  CHECK(none.target->drops == 1);  // the server has an answer for that
}

TEST_CASE("four pieces may be under way, then the client waits", "[batch]") {
  Batch t;
  for (int i = 0; i < 3; ++i) CHECK(t.sink->write("{}\n"));
  CHECK_FALSE(t.sink->write("{}\n"));
  CHECK(t.resumed == 0);
  t.answer(2);
  CHECK(t.resumed == 1);
  t.answer(0);
  CHECK(t.resumed == 1);  // it has been told
  CHECK(t.sink->write("{}\n"));
}

TEST_CASE("a piece is bounded in messages and bytes", "[batch]") {
  Batch t;
  std::string many;
  for (int i = 0; i < 600; ++i) many += "{}\n";
  CHECK(t.sink->write(many));
  REQUIRE(t.sent.size() == 2);
  CHECK(t.sent[0].piece.count == 512);
  CHECK(t.sent[1].piece.first == 512);
  t.sent.clear();
  static_cast<void>(t.sink->write(std::string(70'000, 'x') + "\n{}\n"));
  REQUIRE(t.sent.size() == 2);
  CHECK(t.sent[0].piece.count == 1);
}

TEST_CASE("ten thousand and no more", "[batch]") {
  Batch t;
  std::string many;
  for (std::size_t i = 0; i < kBatchMessagesMax; ++i) many += "1\n";
  static_cast<void>(t.sink->write(many));
  CHECK(t.target->answers == 0);
  static_cast<void>(t.sink->write("1\n1\n1\n"));
  while (!t.sent.empty()) t.answer(0);
  REQUIRE(t.target->answers == 1);  // without the body's end
  CHECK(t.target->response.status == 207);
  CHECK(t.body().at("accepted") == kBatchMessagesMax);
  CHECK(t.body().at("rejected") == 1);
  CHECK(t.body().at("items").size() == kBatchMessagesMax + 1);
}

TEST_CASE("a body that can't be read on is answered with what came before", "[batch]") {
  Batch t;
  CHECK(t.sink->write("{1}\n"));
  t.sink->break_off({Code::invalid, "the body isn't gzip"});
  t.answer(0);
  CHECK(t.target->response.status == 207);
  CHECK(t.body().at("items")[1].at("problem").at("detail") == "the body isn't gzip");
}

TEST_CASE("a batch without a message", "[batch]") {
  Batch t(Form::array);
  CHECK(t.sink->write("[]"));
  t.sink->end();
  CHECK(t.target->response.status == 400);
}

TEST_CASE("a client that is gone costs nothing more", "[batch]") {
  Batch t;
  CHECK(t.sink->write("{1}\n"));
  t.sink.reset();
  CHECK(t.target->drops == 0);  // its piece is still under way
  t.sent.clear();
  CHECK(t.target->drops == 1);
}

TEST_CASE("a piece's answer comes back as it was, or not at all", "[batch]") {
  PieceAnswer answer;
  answer.count = 4;
  answer.ids = id_of(1) + id_of(2);
  answer.problems = {{0, Status(Code::invalid, "a \xff")}, {2, Status(Code::full, "full")}};
  const std::string bytes = encode_piece_answer(answer);
  const auto decoded = decode_piece_answer(bytes, 4);
  REQUIRE(decoded.has_value());
  CHECK(decoded->ids == answer.ids);
  REQUIRE(decoded->problems.size() == 2);
  CHECK(decoded->problems[0].why == answer.problems[0].why);
  CHECK(decoded->problems[1].at == 2);
  CHECK(PieceAnswer::all(3, Status(Code::full, "full")).problems.size() == 3);
  for (const std::size_t count : {0U, 3U, 5U}) {
    CHECK_FALSE(decode_piece_answer(bytes, count).has_value());
  }
  CHECK_FALSE(decode_piece_answer("nonsense", 4).has_value());
  answer.problems[1].at = 4;
  CHECK_FALSE(decode_piece_answer(encode_piece_answer(answer), 4).has_value());
  answer.problems[1] = {2, Status()};
  CHECK_FALSE(decode_piece_answer(encode_piece_answer(answer), 4).has_value());
}

}  // namespace
}  // namespace millrace::edge
