#include "http/reactor.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <latch>
#include <thread>

namespace millrace::http {

namespace asio = boost::asio;

namespace {
thread_local Reactor* current_reactor = nullptr;
}  // namespace

struct Reactor::Impl {
  asio::io_context context{1};  // one thread: no locks inside
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer timer{context};
  using Watched = boost::intrusive::list<Expirable, boost::intrusive::constant_time_size<false>>;
  Watched watched;
};

Reactor::Reactor(std::size_t index) : index_(index), impl_(std::make_unique<Impl>()) {}
Reactor::~Reactor() = default;

Reactor* Reactor::current() { return current_reactor; }
asio::io_context& Reactor::context() { return impl_->context; }

void Reactor::post(UniqueFunction<void()> task) { asio::post(impl_->context, std::move(task)); }

void Reactor::dispatch(UniqueFunction<void()> task) {
  if (current_reactor == this) return task();
  post(std::move(task));
}

void Reactor::watch(Expirable& expirable) { impl_->watched.push_back(expirable); }

void Reactor::run() {
  current_reactor = this;
  tick();
  impl_->context.run();
  current_reactor = nullptr;
}

void Reactor::stop() { impl_->context.stop(); }

void Reactor::tick() {
  const Time now = std::chrono::steady_clock::now();
  Impl::Watched unseen;
  unseen.swap(impl_->watched);
  // In on_expired() any of them may leave, whichever list it is in, and new ones may come.
  while (!unseen.empty()) {
    Expirable& expirable = unseen.front();
    unseen.pop_front();
    impl_->watched.push_back(expirable);
    if (expirable.expires_at <= now) expirable.on_expired();
  }
  impl_->timer.expires_after(kTick);
  impl_->timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

struct ReactorPool::Impl {
  std::vector<std::unique_ptr<Reactor>> reactors;
  std::vector<std::jthread> threads;
  std::atomic<std::size_t> turn{0};
};

ReactorPool::ReactorPool(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 0; i < threads; ++i) {
    impl_->reactors.push_back(std::make_unique<Reactor>(i));
    impl_->threads.emplace_back([reactor = impl_->reactors.back().get()] { reactor->run(); });
  }
}

ReactorPool::~ReactorPool() { stop(); }

void ReactorPool::stop() {
  for (const auto& reactor : impl_->reactors) reactor->stop();
  impl_->threads.clear();  // joins
}

void ReactorPool::post(UniqueFunction<void()> task) { here().post(std::move(task)); }

Reactor& ReactorPool::here() {
  Reactor* current = Reactor::current();
  for (const auto& reactor : impl_->reactors) {
    if (reactor.get() == current) return *current;
  }
  return *impl_->reactors[impl_->turn.fetch_add(1, std::memory_order_relaxed) % size()];
}

std::size_t ReactorPool::size() const { return impl_->reactors.size(); }
Reactor& ReactorPool::operator[](std::size_t index) { return *impl_->reactors[index]; }

void ReactorPool::run_on_each(
    const std::function<void(std::size_t index, Reactor& reactor)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(size()));
  for (std::size_t i = 0; i < size(); ++i) {
    impl_->reactors[i]->post([&, i] {
      task(i, *impl_->reactors[i]);
      done.count_down();
    });
  }
  done.wait();
}

}  // namespace millrace::http
