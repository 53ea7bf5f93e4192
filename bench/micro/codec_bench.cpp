#include <benchmark/benchmark.h>
#include <string>

#include "diplom/v1/diplom.pb.h"
#include "message/json.h"
#include "message/message.h"

namespace millrace {
namespace {

// 121 bytes, the size the design's figures are for.
constexpr std::string_view kIngestBody =
    R"({"source":"sensor-42","data":"temperature=21.5;humidity=40.1;pressure=1013.","metadata":{"unit":"si","room":"lab-north"}})";
static_assert(kIngestBody.size() == 121);

MessageFields some_fields() {
  MessageFields fields;
  fields.id = "0190163d-8694-739b-aea5-966c26f8ad90";
  fields.timestamp = 1'700'000'000;
  fields.source = "sensor-42";
  fields.payload = "temperature=21.5;humidity=40.1;pressure=1013.";
  fields.metadata = {{"unit", "si"}, {"room", "lab-north"}};
  return fields;
}

void parse_ingest_json(benchmark::State& state) {
  for (auto _ : state) {
    auto fields = millrace::parse_ingest_json(kIngestBody);
    benchmark::DoNotOptimize(fields);
  }
  state.SetItemsProcessed(state.iterations());
}

void message_encode(benchmark::State& state) {
  const MessageFields fields = some_fields();
  for (auto _ : state) benchmark::DoNotOptimize(Message::encode(fields));
  state.SetItemsProcessed(state.iterations());
}

// Includes the copy of the wire bytes, which decode() takes over.
void message_decode(benchmark::State& state) {
  const std::string wire = Message::encode(some_fields()).wire();
  for (auto _ : state) {
    auto message = Message::decode(wire);
    benchmark::DoNotOptimize(message);
  }
  state.SetItemsProcessed(state.iterations());
}

void message_parse_into_reused(benchmark::State& state) {
  const Message message = Message::encode(some_fields());
  diplom::v1::DataMessage reused;
  for (auto _ : state) {
    benchmark::DoNotOptimize(message.parse_into(reused));
    benchmark::DoNotOptimize(reused);
  }
  state.SetItemsProcessed(state.iterations());
}

// Real time: items per second are messages per wall second.
BENCHMARK(parse_ingest_json)->UseRealTime();
BENCHMARK(message_encode)->UseRealTime();
BENCHMARK(message_decode)->UseRealTime();
BENCHMARK(message_parse_into_reused)->UseRealTime();

}  // namespace
}  // namespace millrace
