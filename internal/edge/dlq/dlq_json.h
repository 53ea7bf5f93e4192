// What is asked and answered about dead letters, as text. Payloads aren't shown.
#pragma once

#include <string>
#include <string_view>

#include "edge/dlq/replay.h"
#include "queue/dead_letters.h"

namespace millrace::edge {

struct ListQuery {
  std::size_t limit = 50;
  std::string after;
};

// `limit=1..1000` and `after=...`, a page's "next". Code::rejected naming what is wrong.
Result<ListQuery> parse_list_query(std::string_view query);

// {"all":true}, {"ids":["..."]} or {"reason":"..."}, and "dryRun":true if so. Code::invalid for
// what isn't JSON, Code::rejected naming the field.
Result<ReplayRequest> parse_replay_request(std::string_view body);

std::string to_json(const queue::DeadLetterPage& page);
std::string to_json(const ReplayRequest& request, const ReplayOutcome& outcome);

}  // namespace millrace::edge
