// A client's raw bytes, cut into pieces as the first byte says, through a Conversation with a few
// routes, one of which answers late and in the wrong order, and one takes its bodies as they come,
// with pauses. Whatever they are: each request that a
// RequestReader finds in them gets one well-formed response, in order, and how they were cut makes
// no difference.
#include <algorithm>
#include <list>
#include <memory>
#include <random>

#include "http/conversation.h"
#include "http/test_wire.h"
#include "require.h"

namespace millrace::fuzz {
namespace {

using namespace millrace::http;
using millrace::http::testing::WireResponse;

constexpr std::size_t kSmallBodyBytesMax = 64;

std::list<Reply> late_replies;

void answer_late() {
  while (!late_replies.empty()) {
    Reply reply = std::move(late_replies.back());
    late_replies.pop_back();
    std::move(reply).send(Response::text("late"));
  }
}

std::list<Resume> paused;

// Has enough after each part, and says so.
class PausingSink final : public BodySink {
 public:
  PausingSink(Reply reply, Resume resume) : reply_(std::move(reply)), resume_(std::move(resume)) {}
  [[nodiscard]] bool write(std::string_view bytes) override {
    body_.append(bytes);
    paused.push_back(resume_);
    return false;
  }
  void end() override { std::move(reply_).send(Response::text(std::move(body_))); }

 private:
  Reply reply_;
  Resume resume_;
  std::string body_;
};

void go_on() {
  for (const Resume& resume : std::exchange(paused, {})) resume();
}

Router make_router() {
  Router router;
  router.add({"hello", Method::get, "/hello",
              [](const Request&, Reply reply) { std::move(reply).send(Response::json("{}")); }});
  router.add({"echo", Method::post, "/echo", [](const Request& request, Reply reply) {
                std::move(reply).send(Response::text(std::string(request.body)));
              }});
  router.add({"small", Method::post, "/small",
              [](const Request& request, Reply reply) {
                Response response = Response::text("small");
                response.headers.emplace_back("X-Query", request.query);
                response.headers.emplace_back("X-Type", request.header("Content-Type"));
                std::move(reply).send(std::move(response));
              },
              kSmallBodyBytesMax});
  router.add({"late", Method::get, "/late",
              [](const Request&, Reply reply) { late_replies.push_back(std::move(reply)); }});
  router.add({"stream", Method::post, "/stream", nullptr, kSmallBodyBytesMax,
              [](const Request&, Reply reply, Resume resume) {
                return std::make_shared<PausingSink>(std::move(reply), std::move(resume));
              }});
  router.add({"dropped", Method::post, "/dropped", [](const Request&, const Reply&) {}});
  return router;
}

struct World {
  observe::Registry registry;
  ManualClock clock;
  const Router router = make_router();
  ServerMetrics metrics{registry, router};
  const ConversationContext context{router, metrics, clock};
};

World& world() {
  static World one;
  return one;
}

// Everything that is sent to a client who sends `pieces` and then no more.
std::string conversation(const std::vector<std::string>& pieces) {
  std::string sent;
  const auto conversation = std::make_shared<Conversation>(world().context, [] {});
  const auto settle = [&] {
    do {
      answer_late();
      go_on();
      sent += std::exchange(conversation->output(), {});
      conversation->resume();
    } while (!late_replies.empty() || !paused.empty() || !conversation->output().empty());
  };
  for (const auto& piece : pieces) {
    conversation->receive(piece);
    settle();
  }
  conversation->end_of_input();
  settle();
  require(conversation->finished(), "a conversation ends with its input");
  conversation->abandon();
  return sent;
}

// What a reader of the same bytes finds: the method of each request that is to be answered.
struct Expected {
  std::vector<Method> methods;
  unsigned error = 0;  // the last one's
};

Expected expected_of(std::string_view bytes) {
  using Step = RequestReader::Step;
  RequestReader reader;
  Expected expected;
  bool streaming = false;
  while (true) {
    const Step step = reader.feed(bytes);
    const Request& request = reader.request();
    if (step == Step::body) continue;
    if (step == Step::need_more) {
      if (!streaming) return expected;
      expected.methods.push_back(request.method);
      expected.error = 400;  // it ended early
      return expected;
    }
    if (step == Step::header) {
      const auto match = world().router.find(request.method, request.path);
      const auto* route = std::get_if<const Route*>(&match);
      reader.set_body_limit(route != nullptr ? (*route)->body_bytes_max : kBodyBytesMax);
      streaming = route != nullptr && (*route)->stream;
      if (streaming) reader.stream_body();
      continue;
    }
    expected.methods.push_back(request.method);
    if (step == Step::failed) {
      expected.error = reader.error().status;
      return expected;
    }
    if (!request.keep_alive) return expected;
    streaming = false;
    reader.next();
  }
}

// Without what differs from run to run: the date, and the request ids that we make.
void make_comparable(WireResponse& response) {
  const std::string id = response.header("X-Request-Id");
  std::erase_if(response.headers, [](const auto& header) {
    return header.first == "Date" || header.first == "X-Request-Id";
  });
  const auto at = response.body.find("\"request_id\":\"" + id);
  if (at != std::string::npos) response.body.resize(at);
}

std::vector<WireResponse> responses(const std::string& sent, const Expected& expected) {
  std::vector<WireResponse> final;
  std::string_view bytes = sent;
  while (!bytes.empty()) {
    const std::size_t place = final.size();
    const bool due = place < expected.methods.size();
    auto response = testing::take_response(bytes, due && expected.methods[place] == Method::head);
    require(response.has_value(), "a response is whole");
    if (response->status == 100) continue;
    require(due, "no more responses than requests");
    require(!response->header("X-Request-Id").empty(), "a response has a request id");
    make_comparable(*response);
    final.push_back(std::move(*response));
  }
  require(final.size() == expected.methods.size(), "every request is answered");
  if (expected.error != 0) {
    require(final.back().status == expected.error, "the error is the reader's");
    require(final.back().closes(), "after an error the connection is closed");
  }
  return final;
}

std::vector<std::string> cut(std::string_view bytes, unsigned seed) {
  std::minstd_rand random(seed + 1);
  const std::size_t longest = std::size_t{1} << (seed % 12);  // single bytes up to 2 KiB
  std::vector<std::string> pieces;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(1 + random() % longest, bytes.size());
    pieces.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return pieces;
}

void check(std::string_view bytes, unsigned seed) {
  const Expected expected = expected_of(bytes);
  const auto whole = responses(conversation({std::string(bytes)}), expected);
  const auto in_pieces = responses(conversation(cut(bytes, seed)), expected);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    require(whole[i].status == in_pieces[i].status && whole[i].version == in_pieces[i].version &&
                whole[i].headers == in_pieces[i].headers && whole[i].body == in_pieces[i].body,
            "how the bytes are cut makes no difference");
  }
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  millrace::fuzz::check(millrace::fuzz::as_text(data + 1, size - 1), data[0]);
  return 0;
}
