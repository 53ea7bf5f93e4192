#include "sink/file_sink.h"

#include "diplom/v1/diplom.pb.h"
#include "sink/proto_json.h"

namespace millrace::sink {

Status FileSink::write(std::span<const diplom::v1::ProcessingResult> results) {
  std::string lines;
  for (const auto& result : results) {
    if (Status status = append_proto_json(lines, result); !status.ok()) return status;
    lines += '\n';
  }
  return file_.append(lines);
}

}  // namespace millrace::sink
