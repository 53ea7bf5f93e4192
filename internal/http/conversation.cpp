#include "http/conversation.h"

#include "http/problem.h"
#include "http/response_writer.h"
#include "observe/log.h"
#include "observe/request_id.h"

namespace millrace::http {
namespace {

Response options_response(std::string allow) {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", std::move(allow));
  return response;
}

}  // namespace

// A handler that throws costs its own request a 500 (from the Reply it drops), and no other one.
// False then.
template <class Act>
bool Conversation::guarded(const Route& route, std::string_view request_id, Act act) {
  try {
    act();
    return true;
  } catch (const std::exception& thrown) {
    observe::error("handler failed",
                   {{"route", route.name}, {"request_id", request_id}, {"error", thrown.what()}});
    return false;
  }
}

Conversation::Conversation(const ConversationContext& context, std::function<void()> on_output)
    : context_(context), on_output_(std::move(on_output)) {}

bool Conversation::wants_input() const {
  return !closing_ && !input_ended_ && !sink_is_full_ && !step_due_ && backlog_.empty() &&
         exchanges_.size() < kPipelinedMax && output_.size() < kOutputBytesMax;
}

bool Conversation::finished() const {
  if (!exchanges_.empty()) return false;
  const bool drained = draining_ && !waits_for_one_more_ && !reader_.in_request();
  return closing_ || (backlog_.empty() && !step_due_ && (input_ended_ || drained));
}

Conversation::Phase Conversation::phase() const {
  if (handling() > 0 || sink_is_full_) return Phase::handling;
  return reader_.in_request() ? Phase::reading : Phase::idle;
}

void Conversation::receive(std::string_view bytes) {
  if (!backlog_.empty()) {
    backlog_.append(bytes);
    return resume();
  }
  continue_due_ = false;
  receiving_ = true;
  advance(bytes);
  receiving_ = false;
  if (!closing_) backlog_.assign(bytes);
  end_cut_stream();
}

void Conversation::resume() {
  if (backlog_.empty() && !step_due_) return;
  const std::string waiting = std::exchange(backlog_, {});
  receive(waiting);
}

void Conversation::end_of_input() {
  input_ended_ = true;
  end_cut_stream();
}

void Conversation::advance(std::string_view& input) {
  step_due_ = true;
  while (!closing_ && !sink_is_full_ && exchanges_.size() < kPipelinedMax &&
         output_.size() < kOutputBytesMax) {
    switch (reader_.feed(input)) {
      case RequestReader::Step::need_more:
        step_due_ = false;
        return send_continue();
      case RequestReader::Step::failed:
        return refuse(reader_.error().status, reader_.error().detail);
      case RequestReader::Step::header:
        on_header();
        continue_due_ = input.empty() && reader_.expects_continue();
        break;
      case RequestReader::Step::body:
        continue_due_ = false;
        on_body_part();
        break;
      case RequestReader::Step::complete:
        continue_due_ = false;
        if (is_streaming()) {
          on_body_end();
        } else {
          on_request();
        }
        reader_.next();
        break;
    }
  }
}

void Conversation::on_header() {
  const Request& request = reader_.request();
  observe::adopt_request_id(request_id_, request.header("X-Request-Id"));
  match_ = context_.router.find(request.method, request.path);
  const auto* route = std::get_if<const Route*>(&match_);
  reader_.set_body_limit(route != nullptr ? (*route)->body_bytes_max : kBodyBytesMax);
  if (route != nullptr && (*route)->stream) begin_stream(**route);
}

// The interim answer may not overtake an answer that is still due.
void Conversation::send_continue() {
  if (!continue_due_ || closing_ || handling() > 0) return;
  continue_due_ = false;
  output_.append("HTTP/1.1 100 Continue\r\n\r\n");
}

std::uint64_t Conversation::open_exchange(const Request& request, const Route* route) {
  const std::uint64_t number = first_exchange_ + exchanges_.size();
  Exchange& exchange = exchanges_.emplace_back();
  exchange.route = route;
  exchange.method = request.method;
  exchange.version = request.version == 10 ? 10 : 11;
  exchange.keep_alive = request.keep_alive;
  exchange.request_id = request_id_;
  exchange.began = context_.clock.now();
  return number;
}

void Conversation::on_request() {
  Request request = reader_.request();
  request.request_id = request_id_;
  const auto* found = std::get_if<const Route*>(&match_);
  const Route* route = found != nullptr ? *found : nullptr;
  const std::uint64_t exchange = open_exchange(request, route);
  if (!request.keep_alive) closing_ = true;
  dispatch(route, request, exchange);
  match_ = Router::NotFound{};
  request_id_.clear();
}

void Conversation::dispatch(const Route* route, const Request& request, std::uint64_t exchange) {
  Reply reply(shared_from_this(), exchange);
  if (route != nullptr) return handle(*route, request, std::move(reply));
  if (request.method == Method::options && request.path == "*") {
    return std::move(reply).send(options_response("GET, HEAD, POST, OPTIONS"));
  }
  if (auto* wrong = std::get_if<Router::WrongMethod>(&match_)) {
    if (request.method == Method::options) {
      return std::move(reply).send(options_response(std::move(wrong->allow)));
    }
    Response response = problem(405, "this path takes " + wrong->allow, request_id_);
    response.headers.emplace_back("Allow", std::move(wrong->allow));
    return std::move(reply).send(std::move(response));
  }
  std::move(reply).send(problem(404, "no such path here", request_id_));
}

void Conversation::handle(const Route& route, const Request& request, Reply reply) {
  guarded(route, request_id_, [&] { route.handler(request, std::move(reply)); });
}

void Conversation::begin_stream(const Route& route) {
  Request request = reader_.request();
  request.request_id = request_id_;
  const std::uint64_t exchange = open_exchange(request, &route);
  streaming_ = &route;
  reader_.stream_body();
  const auto resume = [weak = weak_from_this(), exchange] {
    if (const auto self = weak.lock()) self->resume_stream(exchange);
  };
  guarded(route, request_id_,
          [&] { sink_ = route.stream(request, Reply(shared_from_this(), exchange), resume); });
}

void Conversation::on_body_part() {
  if (sink_ == nullptr) return;
  const auto sink = sink_;  // which may answer, and so lose its place here
  bool wants_more = true;
  const bool good =
      guarded(*streaming_, request_id_, [&] { wants_more = sink->write(reader_.request().body); });
  if (!good) sink_.reset();
  sink_is_full_ = sink_ != nullptr && !wants_more;
}

void Conversation::on_body_end() {
  const Route& route = *std::exchange(streaming_, nullptr);
  if (!exchanges_.back().keep_alive) closing_ = true;
  if (const auto sink = std::exchange(sink_, nullptr)) {
    guarded(route, request_id_, [&] { sink->end(); });
  }
  match_ = Router::NotFound{};
  request_id_.clear();
}

void Conversation::resume_stream(std::uint64_t exchange) {
  const bool current = is_streaming() && exchange + 1 == requests();
  if (abandoned_ || !current || !std::exchange(sink_is_full_, false)) return;
  resume();
  on_output_();
}

void Conversation::end_cut_stream() {
  if (!input_ended_ || !is_streaming() || step_due_ || !backlog_.empty()) return;
  give_up_stream(400, "the request's body ended early");
}

// What the sink was given it has, and it is the one to say what became of that.
void Conversation::give_up_stream(unsigned status, std::string_view detail) {
  Exchange& exchange = exchanges_.back();
  exchange.otherwise = problem(status, detail, request_id_);
  const auto sink = std::exchange(sink_, nullptr);
  sink_is_full_ = false;
  const Route& route = *std::exchange(streaming_, nullptr);
  closing_ = true;
  if (sink == nullptr) return;
  const Code code = status == 413 ? Code::too_large : Code::invalid;
  guarded(route, request_id_, [&] { sink->cut({code, std::string(detail)}); });
}

void Conversation::refuse(unsigned status, std::string_view detail) {
  continue_due_ = false;
  closing_ = true;
  linger_ = true;
  if (is_streaming()) return give_up_stream(status, detail);
  if (request_id_.empty())
    observe::adopt_request_id(request_id_, reader_.request().header("X-Request-Id"));
  const auto* found = std::get_if<const Route*>(&match_);
  const std::uint64_t exchange =
      open_exchange(reader_.request(), found != nullptr ? *found : nullptr);
  answer(exchange, problem(status, detail, request_id_));
}

void Conversation::answer(std::uint64_t number, Response response) {
  if (abandoned_ || is_over(number)) return;
  Exchange& exchange = waiting(number);
  if (is_streaming() && number + 1 == requests()) refuse_rest();
  exchange.response = std::move(response);
  exchange.answered = true;
  if (!exchanges_.front().answered) return;
  emit_ready();
  if (receiving_) return;
  send_continue();
  on_output_();
}

void Conversation::dropped(std::uint64_t number) {
  if (abandoned_ || is_over(number)) return;
  Exchange& exchange = waiting(number);
  answer(number, exchange.otherwise ? std::move(*exchange.otherwise)
                                    : problem(500, "the request was given up without an answer",
                                              exchange.request_id));
}

void Conversation::refuse_rest() {
  streaming_ = nullptr;
  sink_.reset();
  closing_ = true;
  linger_ = true;
}

// It may have been answered over its sink's head.
bool Conversation::is_over(std::uint64_t number) {
  return number < first_exchange_ || waiting(number).answered;
}

Conversation::Exchange& Conversation::waiting(std::uint64_t number) {
  return exchanges_[static_cast<std::size_t>(number - first_exchange_)];
}

void Conversation::emit_ready() {
  while (!exchanges_.empty() && exchanges_.front().answered) {
    emit(exchanges_.front());
    exchanges_.pop_front();
    ++first_exchange_;
  }
}

// At every level a failure leaves a line by which its client's report can be found.
void Conversation::log(const Exchange& exchange, unsigned status, Duration took) {
  static observe::Throttle throttle(std::chrono::seconds(1));
  const std::string_view route =
      exchange.route != nullptr ? std::string_view(exchange.route->name) : "none";
  if (status >= 500) {
    if (const auto pass = throttle.pass()) {
      observe::warn("request failed", {{"request_id", exchange.request_id},
                                       {"route", route},
                                       {"status", status},
                                       {"took_us", took.count() / 1000},
                                       {"suppressed", pass.suppressed}});
    }
  } else if (observe::enabled(observe::Level::debug)) {
    observe::debug("request", {{"request_id", exchange.request_id},
                               {"route", route},
                               {"method", method_name(exchange.method)},
                               {"status", status},
                               {"took_us", took.count() / 1000}});
  }
}

void Conversation::emit(Exchange& exchange) {
  const bool last = exchanges_.size() == 1;
  if (exchange.response.close || (draining_ && last && !reader_.in_request())) closing_ = true;
  const bool keep_alive = exchange.keep_alive && !(closing_ && last);
  append_response(
      output_, exchange.response,
      {exchange.version, exchange.method == Method::head, keep_alive, exchange.request_id});
  const Duration took = context_.clock.now() - exchange.began;
  const unsigned status = exchange.response.status;
  context_.metrics.count_request(exchange.route, exchange.method, status, took);
  log(exchange, status, took);
}

void Conversation::time_out() {
  if (phase() == Phase::reading) {
    refuse(408, "the request took too long to arrive");
  }
  closing_ = true;
}

void Conversation::begin_drain(bool waits_for_one_more) {
  draining_ = true;
  waits_for_one_more_ = waits_for_one_more;
}

void Conversation::abandon() {
  abandoned_ = true;
  sink_.reset();
}

}  // namespace millrace::http
