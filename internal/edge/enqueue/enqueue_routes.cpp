#include "edge/enqueue/enqueue_routes.h"

#include "edge/answers.h"
#include "http/hop_codec.h"
#include "http/problem.h"
#include "message/json.h"

namespace millrace::edge {

using http::Method;
using http::Reply;
using http::Request;

namespace {

constexpr std::string_view kProtobuf = "application/x-protobuf";

class Enqueuing {
 public:
  Enqueuing(queue::Producer& producer, http::ReactorPool& reactors, Duration timeout)
      : producer_(producer), reactors_(reactors), timeout_(timeout) {}

  // Publishes; `respond` runs on the calling reactor's thread.
  template <class Respond>
  void start(std::vector<Message> batch, Respond respond) const {
    http::Reactor& reactor = reactors_.here();
    producer_.publish(
        std::move(batch), std::chrono::steady_clock::now() + timeout_,
        [&reactor, respond = std::move(respond)](std::vector<Status> verdicts) mutable {
          reactor.dispatch(
              [respond = std::move(respond), verdicts = std::move(verdicts)]() mutable {
                respond(std::move(verdicts));
              });
        });
  }

 private:
  queue::Producer& producer_;
  http::ReactorPool& reactors_;
  Duration timeout_;
};

void enqueue_one(const Enqueuing& enqueuing, const Request& request, Reply reply) {
  const bool protobuf = has_content_type(request, kProtobuf);
  if (!protobuf && !is_json(request)) {
    return std::move(reply).send(
        unsupported_media_type(request, "application/json or application/x-protobuf"));
  }
  auto message =
      protobuf ? Message::decode(std::string(request.body)) : parse_enqueue_json(request.body);
  if (!message.has_value()) {
    return std::move(reply).send(http::problem(message.error(), request.request_id));
  }
  std::string id(message->id());
  std::vector<Message> batch;
  batch.push_back(std::move(*message));
  enqueuing.start(std::move(batch), [reply = std::move(reply), id = std::move(id),
                                     request_id = std::string(request.request_id)](
                                        const std::vector<Status>& verdicts) mutable {
    const Status& verdict = verdicts.front();
    std::move(reply).send(verdict.ok() ? accepted(id, 202) : http::problem(verdict, request_id));
  });
}

void answer_hop(Reply reply, const std::vector<http::HopAnswer>& answers) {
  auto response = http::Response::json(http::encode_hop_reply(answers));
  response.content_type = http::kHopContentType;
  std::move(reply).send(std::move(response));
}

// A bad message fails alone.
void enqueue_hop(const Enqueuing& enqueuing, const Request& request, Reply reply) {
  if (!has_content_type(request, http::kHopContentType)) {
    return std::move(reply).send(unsupported_media_type(request, http::kHopContentType));
  }
  auto items = http::decode_hop_batch(request.body);
  if (!items.has_value()) {
    return std::move(reply).send(http::problem(items.error(), request.request_id));
  }
  std::vector<http::HopAnswer> answers(items->size());
  std::vector<Message> batch;
  std::vector<std::size_t> places;
  batch.reserve(items->size());
  places.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    auto message = Message::decode(std::move((*items)[i].body));
    if (!message.has_value()) {
      answers[i] = {message.error().code(), message.error().text()};
      continue;
    }
    batch.push_back(std::move(*message));
    places.push_back(i);
  }
  if (batch.empty()) return answer_hop(std::move(reply), answers);
  enqueuing.start(std::move(batch),
                  [reply = std::move(reply), answers = std::move(answers),
                   places = std::move(places)](const std::vector<Status>& verdicts) mutable {
                    for (std::size_t k = 0; k < places.size(); ++k) {
                      answers[places[k]] = {verdicts[k].code(), verdicts[k].text()};
                    }
                    answer_hop(std::move(reply), answers);
                  });
}

}  // namespace

void add_enqueue_route(http::Router& router, queue::Producer& producer, http::ReactorPool& reactors,
                       std::chrono::milliseconds request_timeout) {
  const Enqueuing enqueuing(producer, reactors, request_timeout);
  router.add({"enqueue", Method::post, "/enqueue",
              [enqueuing](const Request& request, Reply reply) {
                enqueue_one(enqueuing, request, std::move(reply));
              },
              // Base64 makes a payload of a whole body a third larger.
              2 * http::kBodyBytesMax});
}

void add_hop_route(http::Router& router, queue::Producer& producer, http::ReactorPool& reactors,
                   std::string_view path, std::chrono::milliseconds request_timeout) {
  const Enqueuing enqueuing(producer, reactors, request_timeout);
  router.add({"hop_enqueue", Method::post, std::string(path),
              [enqueuing](const Request& request, Reply reply) {
                enqueue_hop(enqueuing, request, std::move(reply));
              },
              http::kHopBodyBytesMax});
}

}  // namespace millrace::edge
