#include "http/later.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "http/reactor.h"

namespace millrace::http {

void post_after(Reactor& reactor, Duration pause, UniqueFunction<void()> task) {
  reactor.dispatch([&reactor, pause, task = std::move(task)]() mutable {
    auto timer = std::make_unique<boost::asio::steady_timer>(reactor.context(), pause);
    boost::asio::steady_timer& waiting = *timer;
    waiting.async_wait([timer = std::move(timer),
                        task = std::move(task)](const boost::system::error_code& error) mutable {
      if (!error) task();
    });
  });
}

}  // namespace millrace::http
