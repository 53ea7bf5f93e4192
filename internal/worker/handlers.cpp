#include "worker/handlers.h"

#include <boost/crc.hpp>
#include <cstdio>

#include "diplom/v1/diplom.pb.h"
#include "worker/fault_handler.h"

namespace millrace::worker {

Outcome PassthroughHandler::handle(const diplom::v1::DataMessage& message,
                                   const Context& /*context*/) {
  return Done{message.payload()};
}

Outcome ChecksumHandler::handle(const diplom::v1::DataMessage& message,
                                const Context& /*context*/) {
  boost::crc_32_type crc;
  for (int round = 0; round < kRounds; ++round) {
    crc.process_bytes(message.payload().data(), message.payload().size());
  }
  char text[9];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(crc.checksum()));
  return Done{text};
}

std::unique_ptr<Handler> make_handler(std::string_view name) {
  if (name == "passthrough") return std::make_unique<PassthroughHandler>();
  if (name == "checksum") return std::make_unique<ChecksumHandler>();
  if (name == "faulty") return std::make_unique<FaultHandler>();
  return nullptr;
}

}  // namespace millrace::worker
