// The promise to answer one request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "http/types.h"

namespace millrace::http {

// Who gets the answers. `exchange` tells them apart.
class ReplyTarget {
 public:
  virtual ~ReplyTarget() = default;
  virtual void answer(std::uint64_t exchange, Response response) = 0;
  // There will be no answer.
  virtual void dropped(std::uint64_t exchange) = 0;
};

// Move-only. Sends exactly once; one that is dropped unanswered sends 500. Used on one thread, the
// connection's. Answering a connection that has gone does nothing.
class Reply {
 public:
  Reply(std::shared_ptr<ReplyTarget> target, std::uint64_t exchange)
      : target_(std::move(target)), exchange_(exchange) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (target_ != nullptr) target_->dropped(exchange_);
  }

  void send(Response response) && {
    std::exchange(target_, nullptr)->answer(exchange_, std::move(response));
  }

 private:
  std::shared_ptr<ReplyTarget> target_;
  std::uint64_t exchange_;
};

}  // namespace millrace::http
