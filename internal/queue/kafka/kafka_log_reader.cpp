#include "queue/kafka/kafka_log_reader.h"

namespace millrace::queue {
namespace {

constexpr std::int32_t kPartition = 0;
constexpr int kAnswerTimeoutMs = 3000;

}  // namespace

Status KafkaLogReader::open() {
  if (handle_ != nullptr) return {};
  auto conf = make_kafka_conf(options_, {{"enable.partition.eof", "true"},
                                         {"auto.offset.reset", "earliest"},
                                         {"fetch.wait.max.ms", "50"},
                                         {"queued.max.messages.kbytes", "8192"}});
  if (!conf.has_value()) return conf.error();
  auto handle = make_kafka_handle(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!handle.has_value()) return handle.error();
  handle_ = std::move(*handle);
  topic_.reset(rd_kafka_topic_new(handle_->get(), topic_name_.c_str(), nullptr));
  return {};
}

Status KafkaLogReader::read(std::int64_t offset,
                            const std::function<bool(const rd_kafka_message_t&)>& take) {
  if (Status failed = open(); !failed.ok()) return failed;
  if (rd_kafka_consume_start(topic_.get(), kPartition, offset) != 0) {
    return kafka_unavailable(options_, rd_kafka_err2str(rd_kafka_last_error()));
  }
  Status result;
  for (bool more = true; more;) {
    const KafkaMessage record(rd_kafka_consume(topic_.get(), kPartition, kAnswerTimeoutMs));
    if (record == nullptr) {
      result = kafka_unavailable(options_, "no answer from topic " + topic_name_);
      more = false;
    } else if (record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      more = false;
    } else if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      result = kafka_unavailable(options_, rd_kafka_message_errstr(record.get()));
      more = false;
    } else {
      more = take(*record);
    }
  }
  rd_kafka_consume_stop(topic_.get(), kPartition);
  return result;
}

}  // namespace millrace::queue
