#include "queue/delivery.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fakes/messages.h"

namespace millrace::queue {
namespace {

using fakes::make_message;

// Writes down what it was told, as "verb id attempt".
class RecordingSettler final : public Settler {
 public:
  void on_ack(Delivery& d) noexcept override { note("ack", d); }
  void on_retry(Delivery& d, Duration delay, std::string_view why) noexcept override {
    note("retry " + std::to_string(delay.count()) + " " + std::string(why), d);
  }
  void on_reject(Delivery& d, std::string_view why) noexcept override {
    note("reject " + std::string(why), d);
  }
  void on_nack(Delivery& d) noexcept override { note("nack", d); }
  void on_extend(Delivery& d) noexcept override { note("extend", d); }

  std::vector<std::string> notes;

 private:
  void note(const std::string& verb, Delivery& d) {
    notes.push_back(verb + " " + std::string(d.message().id()) + " " + std::to_string(d.attempt()));
  }
};

using Notes = std::vector<std::string>;

TEST_CASE("a verdict is passed on once, and nothing follows it") {
  RecordingSettler settler;
  {
    Delivery delivery(make_message(1), 1, settler);
    std::move(delivery).ack();
  }
  {
    Delivery delivery(make_message(2), 2, settler);
    std::move(delivery).retry(Duration(5), "busy");
  }
  {
    Delivery delivery(make_message(3), 3, settler);
    std::move(delivery).reject("bad");
  }
  CHECK(settler.notes == Notes{"ack m-1 1", "retry 5 busy m-2 2", "reject bad m-3 3"});
}

TEST_CASE("many are acked at once, each at its own queue and once", "[delivery]") {
  struct Batching final : Settler {
    void on_ack(Delivery& d) noexcept override { acked.emplace_back(d.message().id()); }
    void on_ack_all(std::span<Delivery> all) noexcept override {
      batches.push_back(all.size());
      Settler::on_ack_all(all);
    }
    void on_retry(Delivery&, Duration, std::string_view) noexcept override { ++others; }
    void on_reject(Delivery&, std::string_view) noexcept override { ++others; }
    void on_nack(Delivery&) noexcept override { ++others; }

    std::vector<std::string> acked;
    std::vector<std::size_t> batches;
    int others = 0;
  };
  Batching a;
  Batching b;
  {
    std::vector<Delivery> all;
    for (int i = 0; i < 5; ++i) {
      all.emplace_back(make_message(static_cast<std::size_t>(i)), 1, i == 2 ? b : a);
    }
    Delivery::ack_all(all);
  }
  CHECK(a.acked == Notes{"m-0", "m-1", "m-3", "m-4"});
  CHECK(a.batches == std::vector<std::size_t>{2, 2});
  CHECK(b.acked == Notes{"m-2"});
  CHECK(a.others + b.others == 0);
  Delivery::ack_all({});
}

TEST_CASE("a delivery dropped without a verdict is nacked, once") {
  RecordingSettler settler;
  {
    Delivery first(make_message(1), 4, settler);
    Delivery second(std::move(first));
    const std::vector<Delivery> moved = [&] {
      std::vector<Delivery> out;
      out.push_back(std::move(second));
      return out;
    }();
    CHECK(settler.notes.empty());
  }
  CHECK(settler.notes == Notes{"nack m-1 4"});
}

TEST_CASE("assigning over a delivery gives the old one back") {
  RecordingSettler settler;
  Delivery kept(make_message(1), 1, settler, 11);
  kept = Delivery(make_message(2), 2, settler, 22);
  CHECK(settler.notes == Notes{"nack m-1 1"});
  CHECK(kept.message().id() == "m-2");
  CHECK(kept.attempt() == 2);
  CHECK(kept.token() == 22);
  std::move(kept).ack();
}

TEST_CASE("extend reaches the settler and settles nothing") {
  RecordingSettler settler;
  Delivery delivery(make_message(1), 1, settler);
  delivery.extend();
  CHECK(settler.notes == Notes{"extend m-1 1"});
  std::move(delivery).ack();
  delivery.extend();  // NOLINT(bugprone-use-after-move): settled, so nobody is told
  CHECK(settler.notes == Notes{"extend m-1 1", "ack m-1 1"});
}

}  // namespace
}  // namespace millrace::queue
