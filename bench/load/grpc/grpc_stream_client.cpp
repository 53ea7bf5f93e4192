// Streams messages into an IngestService and says, as JSON, how fast they were accepted.
//
//   grpc_stream_client TARGET stream|acks MESSAGES [STREAMS [BYTES [A_WRITE [RATE]]]]
//
// STREAMS (1) run at once, each on a connection and a thread of its own. A_WRITE messages (16) go
// out with one write, by gRPC's buffer hint; 1 is a client that knows nothing of it. With a RATE
// that many messages are due in a second, all streams together (open loop: each at its time,
// whether or not the one before was answered). With acks, the time from when a message was due
// until its ack came is measured then.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <grpcpp/create_channel.h>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "diplom/v1/diplom.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using diplom::v1::IngestAck;
using diplom::v1::IngestRequest;
using diplom::v1::IngestResponse;

struct Work {
  std::string target;
  bool acks = false;
  std::uint64_t messages = 0;  // of one stream
  std::size_t bytes = 200;
  std::uint64_t a_write = 16;
  double rate = 0;  // of one stream; 0: as fast as it goes
  Clock::time_point start;

  [[nodiscard]] Clock::time_point due(std::uint64_t index) const {
    return start + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(static_cast<double>(index) / rate));
  }
};

struct Outcome {
  std::uint64_t accepted = 0;
  std::vector<double> latencies_ms;
  std::string error;
};

IngestRequest message_of(std::size_t bytes) {
  IngestRequest request;
  request.set_source("bench");
  request.set_data(std::string(bytes, 'x'));
  return request;
}

void wait_until(Clock::time_point due) {
  if (due <= Clock::now()) return;
  std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  std::condition_variable nobody;
  while (nobody.wait_until(lock, due) != std::cv_status::timeout) {
  }
}

template <class Stream>
void write_all(const Work& work, Stream& stream) {
  const IngestRequest request = message_of(work.bytes);
  for (std::uint64_t i = 0; i < work.messages; ++i) {
    grpc::WriteOptions options;
    if (work.rate > 0) {
      wait_until(work.due(i));
      if (work.due(i + 1) <= Clock::now()) options.set_buffer_hint();  // it comes at once
    } else if ((i + 1) % work.a_write != 0) {
      options.set_buffer_hint();
    }
    if (!stream.Write(request, options)) break;
  }
  stream.WritesDone();
}

Outcome run_stream(const Work& work, diplom::v1::IngestService::Stub& stub) {
  grpc::ClientContext context;
  IngestResponse response;
  Outcome outcome;
  const auto stream = stub.IngestStream(&context, &response);
  write_all(work, *stream);
  const grpc::Status status = stream->Finish();
  outcome.accepted = response.accepted();
  outcome.error = status.error_message();
  return outcome;
}

void read_acks(const Work& work, grpc::ClientReaderWriter<IngestRequest, IngestAck>& stream,
               Outcome& outcome) {
  IngestAck ack;
  while (stream.Read(&ack)) {
    if (ack.status() != "accepted") {
      outcome.error = ack.problem().message();
      continue;
    }
    outcome.accepted += ack.count();
    if (work.rate <= 0) continue;
    const auto now = Clock::now();
    for (std::uint64_t i = 0; i < ack.count(); ++i) {
      const std::chrono::duration<double, std::milli> took = now - work.due(ack.index() + i);
      outcome.latencies_ms.push_back(took.count());
    }
  }
}

Outcome run_acks(const Work& work, diplom::v1::IngestService::Stub& stub) {
  grpc::ClientContext context;
  Outcome outcome;
  const auto stream = stub.IngestAcks(&context);
  std::jthread writer([&] { write_all(work, *stream); });
  read_acks(work, *stream, outcome);
  writer.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) outcome.error = status.error_message();
  return outcome;
}

Outcome run(const Work& work) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(work.target, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = diplom::v1::IngestService::NewStub(channel);
  return work.acks ? run_acks(work, *stub) : run_stream(work, *stub);
}

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::min(sorted.size(), std::max<std::size_t>(rank, 1)) - 1];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr,
                 "usage: grpc_stream_client TARGET stream|acks MESSAGES [STREAMS [BYTES [A_WRITE "
                 "[RATE]]]]\n");
    return 2;
  }
  const auto argument = [&](int index, double fallback) {
    return argc > index ? std::strtod(argv[index], nullptr) : fallback;
  };
  const auto streams = static_cast<std::size_t>(argument(4, 1));
  Work work;
  work.target = argv[1];
  work.acks = std::string_view(argv[2]) == "acks";
  work.messages = static_cast<std::uint64_t>(argument(3, 0)) / streams;
  work.bytes = static_cast<std::size_t>(argument(5, 200));
  work.a_write = static_cast<std::uint64_t>(argument(6, 16));
  work.rate = argument(7, 0) / static_cast<double>(streams);
  work.start = Clock::now() + std::chrono::milliseconds(work.rate > 0 ? 100 : 0);
  std::vector<Outcome> outcomes(streams);
  {
    std::vector<std::jthread> threads;
    for (Outcome& outcome : outcomes) threads.emplace_back([&] { outcome = run(work); });
  }
  const std::chrono::duration<double> took = Clock::now() - work.start;
  std::uint64_t accepted = 0;
  std::vector<double> latencies;
  for (const Outcome& outcome : outcomes) {
    accepted += outcome.accepted;
    latencies.insert(latencies.end(), outcome.latencies_ms.begin(), outcome.latencies_ms.end());
    if (!outcome.error.empty()) std::fprintf(stderr, "%s\n", outcome.error.c_str());
  }
  std::sort(latencies.begin(), latencies.end());
  std::printf(
      "{\"sent\":%llu,\"accepted\":%llu,\"seconds\":%.6f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
      "\"p999_ms\":%.3f}\n",
      static_cast<unsigned long long>(work.messages * streams),
      static_cast<unsigned long long>(accepted), took.count(), percentile(latencies, 0.5),
      percentile(latencies, 0.99), percentile(latencies, 0.999));
  return accepted == work.messages * streams ? 0 : 1;
}
