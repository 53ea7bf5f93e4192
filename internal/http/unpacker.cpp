#include "http/unpacker.h"

#include <atomic>
#include <zlib.h>
#include <zstd.h>

namespace millrace::http {
namespace {

constexpr std::size_t kPartBytes = std::size_t{64} * 1024;
// zlib's way to say "gzip, no other header", with the largest window.
constexpr int kGzipWindowBits = 15 + 16;
// What zstd may want to look back on: 8 MiB, which RFC 8878 asks every decoder for.
constexpr int kZstdWindowLogMax = 23;

// Each may hold a window and a message of a mebibyte.
constexpr int kUnpackersMax = 64;
std::atomic<int> unpackers{0};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() { ok_ = ::inflateInit2(&stream_, kGzipWindowBits) == Z_OK; }
  ~GzipDecoder() override { ::inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  Result<std::size_t> decode(std::string_view& input, std::span<char> out) override {
    if (!ok_) return Status(Code::internal, "no memory to unpack gzip");
    // One gzip file may follow another (RFC 1952, 2.2).
    if (at_end_ && !input.empty()) {
      ::inflateReset(&stream_);
      at_end_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    input.remove_prefix(input.size() - stream_.avail_in);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return Status(Code::invalid, "the body isn't gzip");
    }
    at_end_ = result == Z_STREAM_END;
    return out.size() - stream_.avail_out;
  }
  [[nodiscard]] bool at_end() const override { return at_end_; }

 private:
  z_stream stream_{};
  bool ok_ = false;
  bool at_end_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(::ZSTD_createDStream()) {
    if (stream_ != nullptr)
      ::ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  Result<std::size_t> decode(std::string_view& input, std::span<char> out) override {
    if (stream_ == nullptr) return Status(Code::internal, "no memory to unpack zstd");
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer written{out.data(), out.size(), 0};
    const std::size_t result = ::ZSTD_decompressStream(stream_.get(), &written, &in);
    input.remove_prefix(in.pos);
    if (::ZSTD_isError(result) != 0) {
      return Status(Code::invalid, "the body isn't zstd with a window of at most 8 MiB");
    }
    at_end_ = result == 0;
    return written.pos;
  }
  [[nodiscard]] bool at_end() const override { return at_end_; }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(std::string_view coding) {
  if (iequals(coding, "gzip")) return std::make_unique<GzipDecoder>();
  if (iequals(coding, "zstd")) return std::make_unique<ZstdDecoder>();
  return nullptr;
}

std::shared_ptr<Unpacker> Unpacker::make(std::unique_ptr<Decoder> decoder, std::size_t bytes_max,
                                         Resume resume) {
  if (unpackers.fetch_add(1) < kUnpackersMax) {
    return std::make_shared<Unpacker>(std::move(decoder), bytes_max, std::move(resume));
  }
  --unpackers;
  return nullptr;
}

Unpacker::~Unpacker() { --unpackers; }

Resume Unpacker::resume() {
  return [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->go_on();
  };
}

void Unpacker::unpack_for(std::shared_ptr<BodySink> inner, BreakOff break_off) {
  inner_ = std::move(inner);
  break_off_ = std::move(break_off);
}

bool Unpacker::write(std::string_view bytes) {
  kept_.append(bytes);
  return pump();
}

bool Unpacker::pump() {
  // Its own: what the inner sink does may have others unpack meanwhile.
  const auto part = std::make_unique_for_overwrite<char[]>(kPartBytes);
  std::string_view input = kept_;
  bool wants_more = true;
  while (inner_ != nullptr && wants_more && !(input.empty() && decoder_->at_end())) {
    const std::size_t before = input.size();
    const auto got = decoder_->decode(input, {part.get(), kPartBytes});
    if (!got.has_value()) {
      fail(got.error());
    } else if (*got > room_) {
      fail({Code::too_large, "the body unpacks to more than may be"});
    } else if (*got > 0) {
      room_ -= *got;
      wants_more = inner_->write({part.get(), *got});
    } else if (input.size() == before || input.empty()) {
      break;
    }
  }
  kept_.erase(0, kept_.size() - input.size());
  if (inner_ == nullptr) kept_.clear();
  return wants_more;
}

void Unpacker::go_on() {
  if (!pump()) return;
  if (ended_) return finish();
  resume_();
}

void Unpacker::end() {
  ended_ = true;
  self_ = shared_from_this();
  if (pump()) finish();
}

void Unpacker::cut(const Status& why) {
  if (inner_ != nullptr) fail(why);
}

void Unpacker::finish() {
  const auto self = std::exchange(self_, nullptr);
  if (inner_ == nullptr) return;
  if (!decoder_->at_end()) return fail({Code::invalid, "the packed body ends in the middle"});
  std::exchange(inner_, nullptr)->end();
}

void Unpacker::fail(const Status& why) {
  inner_ = nullptr;
  break_off_(why);
}

}  // namespace millrace::http
