#include "http/unpacker.h"

#include <catch2/catch.hpp>
#include <zlib.h>
#include <zstd.h>

namespace millrace::http {
namespace {

std::string gzip(std::string_view plain) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&stream, plain.size()), ' ');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view plain) {
  std::string out(::ZSTD_compressBound(plain.size()), ' ');
  out.resize(::ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
  return out;
}

std::string pack(std::string_view coding, std::string_view plain) {
  return coding == "gzip" ? gzip(plain) : zstd(plain);
}

struct Inner final : BodySink {
  bool write(std::string_view bytes) override {
    got.append(bytes);
    ++writes;
    return wants_more;
  }
  void end() override { ended = true; }

  std::string got;
  int writes = 0;
  bool wants_more = true;
  bool ended = false;
};

struct Unpacking {
  explicit Unpacking(std::string_view coding, std::size_t bytes_max = 1 << 20)
      : unpacker(Unpacker::make(make_decoder(coding), bytes_max, [this] { ++resumed; })) {
    unpacker->unpack_for(inner, [this](const Status& status) { why = status; });
  }
  // As a connection does: not on before it is resumed.
  void send(std::string_view packed, std::size_t step) {
    for (; !packed.empty(); packed.remove_prefix(std::min(step, packed.size()))) {
      if (!unpacker->write(packed.substr(0, step))) unpacker->resume()();
    }
    unpacker->end();
  }

  int resumed = 0;
  Status why;
  std::shared_ptr<Inner> inner = std::make_shared<Inner>();
  std::shared_ptr<Unpacker> unpacker;
};

std::string noise(std::size_t bytes) {
  std::string out(bytes, ' ');
  std::uint32_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

TEST_CASE("packed bodies come out as they were, however they come", "[unpack]") {
  for (const char* coding : {"gzip", "zstd", "GZIP"}) {
    for (const std::string& plain :
         {std::string(), std::string("short"), std::string(300'000, 'x'), noise(200'000)}) {
      for (const std::size_t step : {SIZE_MAX, std::size_t{1000}, std::size_t{1}}) {
        Unpacking t(coding);
        t.send(pack(coding == std::string("zstd") ? "zstd" : "gzip", plain), step);
        CHECK(t.inner->got == plain);
        CHECK(t.inner->ended);
        CHECK(t.why.ok());
      }
    }
  }
  CHECK(make_decoder("br") == nullptr);
}

TEST_CASE("several may follow each other", "[unpack]") {
  for (const char* coding : {"gzip", "zstd"}) {
    Unpacking t(coding);
    t.send(pack(coding, "one") + pack(coding, "two"), 5);
    CHECK(t.inner->got == "onetwo");
    CHECK(t.inner->ended);
  }
}

TEST_CASE("a sink that has enough gets the rest later, also after the end", "[unpack]") {
  Unpacking t("gzip");
  t.inner->wants_more = false;
  CHECK_FALSE(t.unpacker->write(gzip(std::string(200'000, 'x'))));
  CHECK(t.inner->writes == 1);
  const Resume resume = t.unpacker->resume();
  resume();
  CHECK(t.inner->writes == 2);
  CHECK(t.resumed == 0);
  t.unpacker->end();
  t.unpacker.reset();  // the connection's: it is read to its end
  CHECK_FALSE(t.inner->ended);
  for (int i = 0; i < 5 && !t.inner->ended; ++i) {
    t.inner->wants_more = i > 0;
    resume();
  }
  CHECK(t.inner->got.size() == 200'000);
  CHECK(t.inner->ended);
}

// A sink may have other connections' sinks go on: their bytes were once found in this one's.
TEST_CASE("one that unpacks while another does keeps its bytes apart", "[unpack]") {
  Unpacking other("gzip");
  other.inner->wants_more = false;
  CHECK_FALSE(other.unpacker->write(gzip(std::string(300'000, 'o'))));
  struct Waking final : BodySink {
    explicit Waking(Unpacking& o) : other(o) {}
    bool write(std::string_view bytes) override {
      other.unpacker->resume()();
      got.append(bytes);
      return true;
    }
    void end() override {}
    Unpacking& other;
    std::string got;
  };
  const auto waking = std::make_shared<Waking>(other);
  const auto unpacker = Unpacker::make(make_decoder("gzip"), 1 << 20, [] {});
  unpacker->unpack_for(waking, [](const Status&) {});
  CHECK(unpacker->write(gzip(std::string(300'000, 'w'))));
  CHECK(waking->got == std::string(300'000, 'w'));
  CHECK(other.inner->got == std::string(other.inner->got.size(), 'o'));
  CHECK(other.inner->writes > 1);
}

TEST_CASE("so many may be at work, and no more", "[unpack]") {
  std::vector<std::shared_ptr<Unpacker>> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(Unpacker::make(make_decoder("zstd"), 1, [] {}));
    REQUIRE(all.back() != nullptr);
  }
  CHECK(Unpacker::make(make_decoder("zstd"), 1, [] {}) == nullptr);
  all.pop_back();
  CHECK(Unpacker::make(make_decoder("zstd"), 1, [] {}) != nullptr);
}

TEST_CASE("what isn't whole, or isn't packed, or is too large, is broken off", "[unpack]") {
  for (const char* coding : {"gzip", "zstd"}) {
    const std::string packed = pack(coding, noise(10'000));
    {
      Unpacking t(coding);
      t.send(packed.substr(0, packed.size() - 5), 1000);
      CHECK(t.why == Status(Code::invalid, "the packed body ends in the middle"));
      CHECK_FALSE(t.inner->ended);
    }
    {
      Unpacking t(coding);
      t.send("certainly nothing that was packed", SIZE_MAX);
      CHECK(t.why.code() == Code::invalid);
      CHECK_FALSE(t.inner->ended);
    }
    {
      Unpacking t(coding);
      t.send(packed + "rubbish behind it", SIZE_MAX);
      CHECK(t.why.code() == Code::invalid);
    }
    {
      Unpacking t(coding, 100'000);  // a bomb
      t.send(pack(coding, std::string(10'000'000, 'x')), SIZE_MAX);
      CHECK(t.why.code() == Code::too_large);
      CHECK(t.inner->got.size() <= 100'000);
      CHECK_FALSE(t.inner->ended);
    }
    {
      Unpacking t(coding, 10'000);  // just as much as may be
      t.send(packed, SIZE_MAX);
      CHECK(t.inner->ended);
    }
  }
}

}  // namespace
}  // namespace millrace::http
