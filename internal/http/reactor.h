// A thread with its own event loop. Connections, upstream links and their buffers belong to one
// reactor and never change it, so nothing on the request path is shared or locked.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"

namespace boost::asio {
class io_context;
}

namespace millrace::http {

// Something that may not last beyond a time. Checked by a coarse tick instead of a timer each: one
// timer per operation would be a system call per request. Leaves its list when it is destroyed.
class Expirable : public boost::intrusive::list_base_hook<
                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~Expirable() = default;
  // Called on the reactor's thread, once `expires_at` has passed, on each tick until it is changed.
  virtual void on_expired() = 0;

  Time expires_at = Time::max();
};

inline constexpr std::chrono::milliseconds kTick{100};

class Reactor final : public Executor {
 public:
  // `index` is its place in the pool.
  explicit Reactor(std::size_t index = 0);
  ~Reactor() override;

  // The reactor whose loop runs the calling thread, or null.
  static Reactor* current();

  // Thread-safe.
  void post(UniqueFunction<void()> task) override;
  // Inline when called on this reactor's thread, otherwise posted.
  void dispatch(UniqueFunction<void()> task);

  // On this reactor's thread only.
  void watch(Expirable& expirable);

  [[nodiscard]] boost::asio::io_context& context();
  [[nodiscard]] std::size_t index() const { return index_; }

  // Runs the loop on the calling thread until stop(). Thread-safe: stop().
  void run();
  void stop();

 private:
  struct Impl;
  void tick();

  const std::size_t index_;
  std::unique_ptr<Impl> impl_;
};

// The I/O threads of a process. Posting to the pool posts to the calling reactor, or to each in
// turn from other threads.
class ReactorPool final : public Executor {
 public:
  // Starts the threads.
  explicit ReactorPool(std::size_t threads);
  // Stops the loops (what is posted later never runs) and joins.
  ~ReactorPool() override;

  void post(UniqueFunction<void()> task) override;

  // The calling reactor, or the next in turn. Thread-safe.
  [[nodiscard]] Reactor& here();
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Reactor& operator[](std::size_t index);

  // Runs `task` once on each reactor's thread and waits. Not from a reactor's thread.
  void run_on_each(const std::function<void(std::size_t index, Reactor& reactor)>& task);

  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::http
