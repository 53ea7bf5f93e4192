#include "edge/grpc/door.h"

#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/hold_off.h"
#include "observe/log.h"

namespace millrace::edge {
namespace {

constexpr std::chrono::milliseconds kTick{100};
// With half of the memory gone: a flood is fast.
constexpr std::chrono::milliseconds kCloseTick{20};
constexpr std::chrono::milliseconds kTrimPause{500};
constexpr int kAcceptsPerTurn = 64;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = sizeof(sockaddr_storage);
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
};

Address to_address(const std::string& text, std::uint16_t port) {
  const boost::asio::ip::tcp::endpoint endpoint(boost::asio::ip::make_address(text), port);
  Address address;
  std::memcpy(&address.bytes, endpoint.data(), endpoint.size());
  address.size = static_cast<socklen_t>(endpoint.size());
  return address;
}

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

Descriptor open_for_reading(const char* path) {
  return Descriptor(::open(path, O_RDONLY | O_CLOEXEC));
}

// Resident bytes: the second number of /proc/self/statm, in pages. 0 when it can't be read.
std::uint64_t resident_bytes(const Descriptor& statm) {
  std::array<char, 128> text{};
  const ssize_t size = ::pread(statm.number(), text.data(), text.size(), 0);
  if (size <= 0) return 0;
  const std::string_view words(text.data(), static_cast<std::size_t>(size));
  const std::size_t blank = words.find(' ');
  std::uint64_t pages = 0;
  if (blank != std::string_view::npos) {
    std::from_chars(words.data() + blank + 1, words.data() + words.size(), pages);
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (is_open()) ::close(number_);
    number_ = other.release();
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

Door::Door(DoorOptions options, Connections& connections, Enter enter, std::function<void()> tick,
           observe::Registry& registry)
    : options_(std::move(options)),
      connections_(connections),
      enter_(std::move(enter)),
      tick_(std::move(tick)),
      accepted_(registry.counter("millrace_grpc_connections_accepted_total",
                                 "Client connections accepted.")),
      refused_(registry.counter("millrace_grpc_connections_refused_total",
                                "Client connections turned away: over a limit or out of "
                                "descriptors.")),
      closed_(registry.counter("millrace_grpc_connections_closed_total",
                               "Client connections closed to get memory back.")) {
  registry.gauge("millrace_grpc_connections_open", "Client connections open now.",
                 [&connections] { return static_cast<double>(connections.open()); });
}

Status Door::listen() {
  Address address = to_address(options_.bind_address, options_.port);
  listening_ =
      Descriptor(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  wake_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  const int socket = listening_.number();
  const int on = 1;
  if (!listening_.is_open() || !wake_.is_open() ||
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (options_.share_port &&
       ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
      ::bind(socket, address.get(), address.size) != 0 || ::listen(socket, SOMAXCONN) != 0 ||
      ::getsockname(socket, address.get(), &address.size) != 0) {
    const std::string why = std::strerror(errno);
    return {Code::unavailable, "can't listen on " + options_.bind_address + " port " +
                                   std::to_string(options_.port) + ": " + why};
  }
  // Both families have it at the same place.
  port_ = ntohs(reinterpret_cast<const sockaddr_in&>(address.bytes).sin_port);
  return {};
}

Status Door::start() {
  if (Status failed = listen(); !failed.ok()) return failed;
  spare_ = open_for_reading("/dev/null");
  memory_ = open_for_reading("/proc/self/statm");
  is_listening_ = true;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

void Door::stop_accepting() {
  accepting_ = false;
  if (wake_.is_open()) ::eventfd_write(wake_.number(), 1);
}

void Door::close() { thread_ = std::jthread(); }

void Door::run(const std::stop_token& stop) {
  Time next_tick = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    if (wait_until(next_tick)) accept_some();
    if (!accepting_ && listening_.is_open()) {
      close_listening();
      next_tick = {};  // who waits for that hears of it with a tick
    }
    if (std::chrono::steady_clock::now() < next_tick) continue;
    pausing_ = false;
    const bool close_to_limit = look_around() > options_.memory_max / 2;
    next_tick = std::chrono::steady_clock::now() + (close_to_limit ? kCloseTick : kTick);
  }
}

bool Door::wait_until(Time time) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(time - std::chrono::steady_clock::now());
  constexpr int kNothing = -1;  // to poll()
  std::array<pollfd, 2> waiting{{{pausing_ ? kNothing : listening_.number(), POLLIN, 0},
                                 {accepting_ ? wake_.number() : kNothing, POLLIN, 0}}};
  ::poll(waiting.data(), waiting.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  return waiting[0].revents != 0;
}

void Door::close_listening() {
  http::hold_off_newcomers(listening_.number());
  for (int i = 0; i < SOMAXCONN && !pausing_ && accept_one(); ++i) {
  }
  listening_ = Descriptor();
  is_listening_ = false;
}

void Door::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn && !pausing_; ++i) {
    if (!accept_one()) return;
  }
}

bool Door::accept_one() {
  Address peer;
  Descriptor socket(
      ::accept4(listening_.number(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) {
    if (out_of_descriptors(errno)) shed_without_descriptors();
    return errno == EINTR || errno == ECONNABORTED;
  }
  if (!spare_.is_open()) spare_ = open_for_reading("/dev/null");
  if (const Status full = connections_.admit(socket.number(), peer.bytes); !full.ok()) {
    refuse(std::move(socket), full);
    return true;
  }
  const int on = 1;
  ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  accepted_.add();
  enter_(socket.release());
  return true;
}

// They would wait unheard otherwise. Accepting goes on with the next tick.
void Door::shed_without_descriptors() {
  pausing_ = true;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    spare_ = Descriptor();
    Descriptor socket(::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    const bool none = !socket.is_open();
    if (!none) refuse(std::move(socket), {Code::full, "out of descriptors"});
    spare_ = open_for_reading("/dev/null");
    if (none) return;
  }
}

// It is closed here.
void Door::refuse(Descriptor /*socket*/, const Status& why) {
  refused_.add();
  static observe::Throttle throttle(std::chrono::seconds(1));
  if (const auto pass = throttle.pass()) {
    observe::warn("connection refused", {{"why", why.text()}, {"suppressed", pass.suppressed}});
  }
}

std::uint64_t Door::look_around() {
  connections_.sweep();
  const std::uint64_t resident = resident_bytes(memory_);
  guard_memory(resident);
  tick_();
  return resident;
}

void Door::guard_memory(std::uint64_t resident) {
  short_of_memory_ = resident > options_.memory_max;
  if (!short_of_memory_) return;
  pausing_ = true;
  const Connections::Closed closed = connections_.close_worst();
  if (closed.connections > 0) closed_.add(closed.connections);
  static observe::Throttle throttle(std::chrono::seconds(1));
  if (const auto pass = throttle.pass(); pass || closed.connections > 0) {
    observe::warn("too much memory in use, nobody is let in", {{"resident_bytes", resident},
                                                               {"limit", options_.memory_max},
                                                               {"closed", closed.connections},
                                                               {"peer", closed.peer},
                                                               {"suppressed", pass.suppressed}});
  }
  // What was freed goes back to the system, or it would count for ever. It stops all threads that
  // allocate meanwhile, so not with each tick.
  const Time now = std::chrono::steady_clock::now();
  if (closed.connections == 0 && now < trim_again_at_) return;
  ::malloc_trim(0);
  trim_again_at_ = now + kTrimPause;
}

}  // namespace millrace::edge
