#include "queue/nats/nats_link.h"

#include <algorithm>

#include "observe/log.h"
#include "queue/nats/nats_error.h"
#include "queue/reconnect_pause.h"

namespace millrace::queue {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{1000};
// A server that stands still is noticed after two pings without an answer.
constexpr milliseconds kPingInterval{2000};
constexpr int kPingsUnanswered = 2;
// A write that doesn't get on for so long breaks the connection instead of its thread.
constexpr milliseconds kWriteTimeout{1000};

// "nats://user:secret@host:4222" without who and what.
std::string without_secret(const std::string& url) {
  const std::size_t host = url.find('@');
  const std::size_t scheme = url.find("://");
  if (host == std::string::npos) return url;
  return scheme == std::string::npos ? url.substr(host + 1)
                                     : url.substr(0, scheme + 3) + url.substr(host + 1);
}

std::string addresses(const std::vector<std::string>& urls) {
  std::string text;
  for (const std::string& url : urls)
    text.append(text.empty() ? "" : ",").append(without_secret(url));
  return text;
}

}  // namespace

NatsLink::NatsLink(const NatsOptions& options, std::string name, Prepare prepare,
                   jsOptions::jsOptionsPublishAsync publishing)
    : options_(options),
      name_(std::move(name)),
      address_(addresses(options.urls)),
      prepare_(std::move(prepare)),
      publishing_(publishing),
      gate_(NatsGate<NatsLink>::open(*this)),
      health_(Code::unavailable, "nats " + address_ + ": not connected yet") {}

void NatsLink::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void NatsLink::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    {
      const MutexLock lock(mutex_);
      changed_.notify_all();
    }
    thread_.join();
  }
  gate_.shut();
  const MutexLock lock(mutex_);
  session_.reset();
  connected_ = false;
}

std::shared_ptr<NatsSession> NatsLink::session() const {
  const MutexLock lock(mutex_);
  return connected_ && prepared_ ? session_ : nullptr;
}

Status NatsLink::health() const {
  const MutexLock lock(mutex_);
  return health_;
}

void NatsLink::recheck() {
  const MutexLock lock(mutex_);
  prepared_ = false;
  changed_.notify_all();
}

void NatsLink::set_health(Status health) {
  const MutexLock lock(mutex_);
  health_ = std::move(health);
}

void NatsLink::run(const std::stop_token& stop) {
  for (unsigned attempt = 0; !stop.stop_requested(); ++attempt) {
    Status failed;
    auto session = connect(failed);
    if (session == nullptr) {
      if (attempt == 0) {
        observe::warn("broker can't be reached, trying on",
                      {{"link", name_}, {"error", failed.text()}});
      }
      set_health(std::move(failed));
      pause(reconnect_pause(attempt), stop);
      continue;
    }
    attempt = 0;
    look_after(session, stop);
  }
}

std::shared_ptr<NatsSession> NatsLink::connect(Status& failed) {
  const auto fail = [&](natsStatus status) {
    failed = {Code::unavailable, "nats " + address_ + ": " + nats_text(status)};
    return nullptr;
  };
  natsOptions* raw = nullptr;
  if (const natsStatus status = natsOptions_Create(&raw); status != NATS_OK) return fail(status);
  const NatsOptionsHandle options(raw);
  failed = make_options(raw);
  if (!failed.ok()) return nullptr;
  {
    const MutexLock lock(mutex_);
    connected_ = true;  // before the callbacks can say otherwise
    prepared_ = false;
    closed_ = false;
  }
  natsConnection* connection = nullptr;
  if (const auto status = natsConnection_Connect(&connection, raw); status != NATS_OK) {
    const MutexLock lock(mutex_);
    connected_ = false;
    return fail(status);
  }
  jsOptions js_options;
  jsOptions_Init(&js_options);
  js_options.PublishAsync = publishing_;
  js_options.Wait = 2000;
  jsCtx* js = nullptr;
  if (const auto status = natsConnection_JetStream(&js, connection, &js_options);
      status != NATS_OK) {
    natsConnection_Destroy(connection);
    return fail(status);
  }
  return std::make_shared<NatsSession>(connection, js);
}

Status NatsLink::make_options(natsOptions* options) {
  std::vector<const char*> urls;
  for (const std::string& url : options_.urls) urls.push_back(url.c_str());
  natsStatus status = natsOptions_SetServers(options, urls.data(), static_cast<int>(urls.size()));
  const auto then = [&](auto set, auto... arguments) {
    if (status == NATS_OK) status = set(options, arguments...);
  };
  then(natsOptions_SetName, ("millrace " + name_).c_str());
  then(natsOptions_SetTimeout, kConnectTimeout.count());
  then(natsOptions_SetMaxReconnect, -1);
  then(natsOptions_SetCustomReconnectDelay, &NatsLink::reconnect_delay, nullptr);
  then(natsOptions_SetPingInterval, kPingInterval.count());
  then(natsOptions_SetMaxPingsOut, kPingsUnanswered);
  then(natsOptions_SetWriteDeadline, kWriteTimeout.count());
  then(natsOptions_SetFailRequestsOnDisconnect, true);
  then(natsOptions_SetDisconnectedCB, &NatsLink::callback<Event::disconnected>, &gate_);
  then(natsOptions_SetReconnectedCB, &NatsLink::callback<Event::reconnected>, &gate_);
  then(natsOptions_SetClosedCB, &NatsLink::callback<Event::closed>, &gate_);
  if (!options_.user.empty()) {
    then(natsOptions_SetUserInfo, options_.user.c_str(), options_.password.c_str());
  }
  if (!options_.token.empty()) then(natsOptions_SetToken, options_.token.c_str());
  if (!options_.credentials_file.empty()) {
    then(natsOptions_SetUserCredentialsFromFiles, options_.credentials_file.c_str(), nullptr);
  }
  if (!options_.tls_ca_file.empty()) {
    then(natsOptions_SetSecure, true);
    then(natsOptions_LoadCATrustedCertificates, options_.tls_ca_file.c_str());
  }
  if (!options_.tls_certificate_file.empty()) {
    then(natsOptions_LoadCertificatesChain, options_.tls_certificate_file.c_str(),
         options_.tls_key_file.c_str());
  }
  if (status == NATS_OK) return {};
  return {Code::unavailable, "nats " + address_ + ": " + nats_text(status)};
}

void NatsLink::look_after(const std::shared_ptr<NatsSession>& session,
                          const std::stop_token& stop) {
  {
    const MutexLock lock(mutex_);
    session_ = session;
  }
  bool told = false;
  for (unsigned attempt = 0; !stop.stop_requested(); ++attempt) {
    {
      MutexLock lock(mutex_);
      while (!stop.stop_requested() && !closed_ && (!connected_ || prepared_)) {
        lock.wait(changed_);
      }
      if (stop.stop_requested()) return;  // stop() closes, when nobody listens any more
      if (closed_) {
        session_.reset();
        connected_ = false;
        return;
      }
      prepared_ = true;  // a recheck() from now on counts
    }
    Status ready = prepare_(*session->js());
    if (ready.ok()) {
      attempt = 0;
      observe::info("broker is ready", {{"link", name_}, {"broker", address_}});
      told = false;
      set_health({});
      continue;
    }
    if (!told) {
      observe::warn("broker isn't as it should be",
                    {{"link", name_}, {"broker", address_}, {"error", ready.text()}});
    }
    told = true;
    set_health({ready.code(), "nats " + address_ + ": " + ready.text()});
    recheck();
    pause(reconnect_pause(attempt), stop);
  }
}

void NatsLink::pause(Duration time, const std::stop_token& stop) {
  const Time until = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!stop.stop_requested() && lock.wait_until(changed_, until)) {
  }
}

void NatsLink::on_event(Event event) {
  {
    const MutexLock lock(mutex_);
    connected_ = event == Event::reconnected;
    prepared_ = false;
    closed_ = event == Event::closed;
    if (!connected_) health_ = {Code::unavailable, "nats " + address_ + ": connection lost"};
    changed_.notify_all();
  }
  if (event == Event::disconnected) {
    observe::warn("broker lost", {{"link", name_}, {"broker", address_}});
  }
}

template <NatsLink::Event event>
void NatsLink::callback(natsConnection* /*connection*/, void* closure) {
  static_cast<NatsGate<NatsLink>*>(closure)->pass([](NatsLink& link) { link.on_event(event); });
}

std::int64_t NatsLink::reconnect_delay(natsConnection* /*connection*/, int attempts,
                                       void* /*closure*/) {
  return reconnect_pause(static_cast<unsigned>(std::max(attempts, 0))).count();
}

}  // namespace millrace::queue
