#include "sink/log_sink.h"

#include "diplom/v1/diplom.pb.h"
#include "observe/log.h"

namespace millrace::sink {

Status LogSink::write(std::span<const diplom::v1::ProcessingResult> results) {
  for (const auto& result : results) {
    observe::info("result", {{"message_id", result.message_id()}, {"success", result.success()}});
  }
  return {};
}

}  // namespace millrace::sink
