#include "queue/kafka/kafka_client.h"

#include <array>

#include "observe/log.h"

namespace millrace::queue {
namespace {

constexpr int kAnswerTimeoutMs = 1000;
constexpr int kCreateTimeoutMs = 3000;
constexpr std::size_t kErrorBytes = 512;

using ErrorText = std::array<char, kErrorBytes>;

// librdkafka tells of each attempt to connect: what matters of it is in our health.
void log_line(const rd_kafka_t* /*client*/, int /*level*/, const char* facility, const char* text) {
  observe::debug("kafka client", {{"facility", facility}, {"text", text}});
}

Status topic_error(const KafkaOptions& options, const KafkaTopicSpec& topic,
                   const std::string& words) {
  return kafka_unavailable(options, "topic " + topic.name + ": " + words);
}

}  // namespace

Status kafka_unavailable(const KafkaOptions& options, const std::string& words) {
  return {Code::unavailable, "kafka " + options.brokers + ": " + words};
}

Result<KafkaConf> make_kafka_conf(const KafkaOptions& options, const KafkaProperties& ours) {
  KafkaConf conf(rd_kafka_conf_new());
  KafkaProperties all{{"bootstrap.servers", options.brokers},
                      {"client.id", "millrace"},
                      {"reconnect.backoff.ms", "50"},
                      {"reconnect.backoff.max.ms", "2000"},
                      // Longer than the longest poll of a fetch; a connection that says nothing for
                      // longer is made anew.
                      {"socket.timeout.ms", "6000"},
                      {"socket.nagle.disable", "true"},
                      {"log.connection.close", "false"}};
  all.insert(all.end(), ours.begin(), ours.end());
  all.insert(all.end(), options.properties.begin(), options.properties.end());
  ErrorText error{};
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error.data(), error.size()) !=
        RD_KAFKA_CONF_OK) {
      return Status(Code::invalid, "kafka: the client doesn't take " + name);
    }
  }
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  return conf;
}

Result<std::shared_ptr<KafkaHandle>> make_kafka_handle(rd_kafka_type_t type, KafkaConf conf) {
  ErrorText error{};
  rd_kafka_t* const client = rd_kafka_new(type, conf.get(), error.data(), error.size());
  if (client == nullptr) return Status(Code::invalid, std::string("kafka: ") + error.data());
  static_cast<void>(conf.release());  // the handle has it now
  return std::make_shared<KafkaHandle>(client);
}

rd_kafka_resp_err_t produce(rd_kafka_t* client, const KafkaRecord& record) {
  // The library doesn't write to what it copies. A tombstone is a null pointer, an empty value
  // isn't.
  const std::string_view value = record.value.value_or("");
  const char* const bytes = value.empty() ? "" : value.data();
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, text] : record.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  }
  std::array<rd_kafka_vu_t, 7> what{};
  what[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  what[0].u.cstr = record.topic.c_str();
  what[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  what[1].u.i32 = record.partition;
  what[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  what[2].u.i = RD_KAFKA_MSG_F_COPY;
  what[3].vtype = RD_KAFKA_VTYPE_KEY;
  what[3].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
  what[4].vtype = RD_KAFKA_VTYPE_VALUE;
  what[4].u.mem = {record.value ? const_cast<char*>(bytes) : nullptr, value.size()};
  what[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  what[5].u.ptr = record.opaque;
  what[6].vtype = RD_KAFKA_VTYPE_HEADERS;
  what[6].u.headers = headers;
  rd_kafka_error_t* const error =
      rd_kafka_produceva(client, what.data(), headers == nullptr ? what.size() - 1 : what.size());
  if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  return code;
}

Result<bool> knows_topic(rd_kafka_t* client, const KafkaOptions& options,
                         const KafkaTopicSpec& topic) {
  const KafkaTopic handle(rd_kafka_topic_new(client, topic.name.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  const auto asked = rd_kafka_metadata(client, 0, handle.get(), &raw, kAnswerTimeoutMs);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return kafka_unavailable(options, rd_kafka_err2str(asked));
  }
  const KafkaMetadata metadata(raw);
  const auto known =
      metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (known == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  if (known == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return false;
  return topic_error(options, topic, rd_kafka_err2str(known));
}

Status create_topic(rd_kafka_t* client, const KafkaOptions& options, const KafkaTopicSpec& topic) {
  ErrorText error{};
  const KafkaNewTopic wanted(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions,
                                                   options.replicas, error.data(), error.size()));
  if (wanted == nullptr) return topic_error(options, topic, error.data());
  for (const auto& [name, value] : topic.config) {
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  }
  const KafkaQueue answers(rd_kafka_queue_new(client));
  std::array<rd_kafka_NewTopic_t*, 1> topics{wanted.get()};
  rd_kafka_CreateTopics(client, topics.data(), topics.size(), nullptr, answers.get());
  const KafkaEvent event(rd_kafka_queue_poll(answers.get(), kCreateTimeoutMs));
  if (event == nullptr) return topic_error(options, topic, "no answer to creating it");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return topic_error(
        options, topic,
        std::string("it can't be created: ") + rd_kafka_event_error_string(event.get()));
  }
  std::size_t count = 0;
  const auto* const* made =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  const auto code = count == 1 ? rd_kafka_topic_result_error(made[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
  if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return {};
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return topic_error(
        options, topic,
        std::string("it isn't there and can't be created: ") + rd_kafka_err2str(code));
  }
  observe::info("kafka topic created", {{"name", topic.name}, {"partitions", topic.partitions}});
  return {};
}

}  // namespace millrace::queue
