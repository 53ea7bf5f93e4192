// Content-Encoding: a body that comes packed is unpacked on its way to its sink.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "http/router.h"

namespace millrace::http {

// A packed format, a stream at a time. Not thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Unpacks from the front of `input`, which it shortens, into `out`; returns how many bytes it
  // wrote: 0 when it needs more input. Code::invalid for what isn't its format.
  virtual Result<std::size_t> decode(std::string_view& input, std::span<char> out) = 0;
  // Whether the input so far may be all of it.
  [[nodiscard]] virtual bool at_end() const = 0;
};

// For "gzip" (RFC 1952) or "zstd" (RFC 8878), of any case; otherwise null.
std::unique_ptr<Decoder> make_decoder(std::string_view coding);

// Everything on the connection's I/O thread.
class Unpacker final : public BodySink, public std::enable_shared_from_this<Unpacker> {
 public:
  // Says why the rest of the body can't be used, once.
  using BreakOff = std::function<void(const Status& why)>;

  // `resume` is the connection's. Code::too_large beyond `bytes_max` unpacked. Null when too many
  // of this process are at work.
  static std::shared_ptr<Unpacker> make(std::unique_ptr<Decoder> decoder, std::size_t bytes_max,
                                        Resume resume);
  ~Unpacker() override;
  // For make().
  Unpacker(std::unique_ptr<Decoder> decoder, std::size_t bytes_max, Resume resume)
      : decoder_(std::move(decoder)), room_(bytes_max), resume_(std::move(resume)) {}

  // What the inner sink is to be given as its Resume.
  [[nodiscard]] Resume resume();
  // Before anything is written.
  void unpack_for(std::shared_ptr<BodySink> inner, BreakOff break_off);

  [[nodiscard]] bool write(std::string_view bytes) override;
  void end() override;
  void cut(const Status& why) override;

 private:
  // Until the input is used up or the inner sink has enough; true: it wants more.
  bool pump();
  void go_on();
  void finish();
  void fail(const Status& why);

  const std::unique_ptr<Decoder> decoder_;
  std::size_t room_;  // bytes that may still come out
  const Resume resume_;
  std::shared_ptr<BodySink> inner_;  // null: broken off, or ended
  BreakOff break_off_;
  std::string kept_;                // packed, while the inner sink has enough
  bool ended_ = false;              // the packed body
  std::shared_ptr<Unpacker> self_;  // from its end until the inner sink has all of it
};

}  // namespace millrace::http
