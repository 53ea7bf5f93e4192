// Turns what a handler throws into a retry, so that no handler can take a worker down.
#pragma once

#include <exception>

#include "worker/handler.h"

namespace millrace::worker {

class ExceptionBarrier final : public Handler {
 public:
  explicit ExceptionBarrier(Handler& inner) : inner_(inner) {}

  Outcome handle(const diplom::v1::DataMessage& message, const Context& context) override {
    try {
      return inner_.handle(message, context);
    } catch (const std::exception& error) {
      return RetryLater{.why = std::string("the handler threw: ") + error.what()};
    } catch (...) {
      return RetryLater{.why = "the handler threw what is no std::exception"};
    }
  }

 private:
  Handler& inner_;
};

}  // namespace millrace::worker
