// What goes to an upstream in one exchange, and whose the items in it are. Private to the hop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "http/hop.h"
#include "http/hop_codec.h"

namespace millrace::http {

// One submit(): answered when its last item is.
struct HopGroup {
  std::vector<HopAnswer> answers;
  std::size_t missing = 0;
  HopDone done;

  void answer(std::size_t index, HopAnswer answer) {
    answers[index] = std::move(answer);
    if (--missing == 0) done(std::move(answers));
  }
};

// Neighbours of one group in a batch.
struct HopRun {
  std::shared_ptr<HopGroup> group;
  std::size_t first;
  std::size_t count;
};

// Encoded as it is gathered; `runs` say whose the items are.
struct HopBatch {
  std::string body;
  std::vector<HopRun> runs;
  std::size_t items = 0;
  std::size_t messages = 0;          // in the items
  Time deadline = Time::max();       // the earliest of its items'
  std::vector<std::uint64_t> tried;  // the links that took nothing of it
  std::vector<HopAnswer> refusals;   // what the latest of those said that had no room for it

  [[nodiscard]] bool is_full() const {
    return messages >= kHopItemsMax || body.size() >= kHopBytesMax;
  }
  void add(const HopItem& item, const std::shared_ptr<HopGroup>& group, std::size_t index) {
    append_hop_item(body, item);
    ++items;
    messages += item.messages;
    if (!runs.empty() && runs.back().group == group &&
        runs.back().first + runs.back().count == index) {
      ++runs.back().count;
    } else {
      runs.push_back({group, index, 1});
    }
  }
  // One of `answers` for each item.
  void answer(std::vector<HopAnswer> answers) {
    auto next = answers.begin();
    for (const HopRun& run : std::exchange(runs, {})) {
      for (std::size_t i = 0; i < run.count; ++i)
        run.group->answer(run.first + i, std::move(*next++));
    }
  }
  void answer_all(Code code, const std::string& text) {
    answer(std::vector<HopAnswer>(items, {code, text}));
  }
  // Nobody took it. That there was no room somewhere says more than why it came no further: who
  // hears that waits for room.
  void refuse(Code code, const std::string& text) {
    if (refusals.empty()) return answer_all(code, text);
    answer(std::exchange(refusals, {}));
  }
};

}  // namespace millrace::http
