// The library's objects with owners.
#pragma once

#include <memory>
#include <nats/nats.h>

namespace millrace::queue {

template <auto destroy>
struct NatsDeleter {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};

using NatsOptionsHandle = std::unique_ptr<natsOptions, NatsDeleter<natsOptions_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, NatsDeleter<natsMsg_Destroy>>;
using NatsMetaData = std::unique_ptr<jsMsgMetaData, NatsDeleter<jsMsgMetaData_Destroy>>;
using NatsStreamInfo = std::unique_ptr<jsStreamInfo, NatsDeleter<jsStreamInfo_Destroy>>;
using NatsConsumerInfo = std::unique_ptr<jsConsumerInfo, NatsDeleter<jsConsumerInfo_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, NatsDeleter<natsSubscription_Destroy>>;

// A connection and its JetStream context. Everything made from it must be gone before it.
class NatsSession {
 public:
  NatsSession(natsConnection* connection, jsCtx* js) : connection_(connection), js_(js) {}
  NatsSession(const NatsSession&) = delete;
  NatsSession& operator=(const NatsSession&) = delete;
  ~NatsSession() {
    jsCtx_Destroy(js_);
    natsConnection_Destroy(connection_);
  }

  [[nodiscard]] natsConnection* connection() const { return connection_; }
  [[nodiscard]] jsCtx* js() const { return js_; }

 private:
  natsConnection* const connection_;
  jsCtx* const js_;
};

}  // namespace millrace::queue
