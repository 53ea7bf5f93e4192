#include "edge/dlq/dlq_json.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/utc.h"

namespace millrace::edge {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLimitMax = 1000;
constexpr std::size_t kCursorBytesMax = 128;

Status rejected(std::string text) { return {Code::rejected, std::move(text)}; }

Json to_object(const queue::KeptLetter& letter) {
  Json object{{"key", letter.key},           {"id", letter.id},
              {"source", letter.source},     {"reason", letter.reason},
              {"attempts", letter.attempts}, {"deadLetteredAt", utc_text(letter.dead_lettered_ms)},
              {"bytes", letter.wire.size()}};
  const queue::Origin& origin = letter.origin;
  if (origin.first_failed_ms != 0) object["firstFailedAt"] = utc_text(origin.first_failed_ms);
  if (!origin.stream.empty()) {
    object["origin"] = {{"stream", origin.stream}, {"position", origin.position}};
    if (origin.partition >= 0) object["origin"]["partition"] = origin.partition;
  }
  return object;
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::size_t> limit_of(std::string_view text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (limit < 1 || limit > kLimitMax) return std::nullopt;
  return limit;
}

}  // namespace

Result<ListQuery> parse_list_query(std::string_view query) {
  ListQuery parsed;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    if (name == "limit") {
      const auto limit = limit_of(value);
      if (!limit) return rejected("limit: must be a whole number from 1 to 1000");
      parsed.limit = *limit;
    } else if (name == "after") {
      if (value.size() > kCursorBytesMax) return rejected("after: must be the \"next\" of a page");
      parsed.after = value;
    }
  }
  return parsed;
}

Result<ReplayRequest> parse_replay_request(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_discarded()) return Status(Code::invalid, "body: not JSON");
  if (!json.is_object()) return rejected("body: must be an object");
  ReplayRequest request;
  int selectors = 0;
  if (const auto all = json.find("all"); all != json.end()) {
    if (*all != true) return rejected("all: must be true");
    request.all = true;
    ++selectors;
  }
  if (const auto ids = json.find("ids"); ids != json.end()) {
    if (!ids->is_array() || ids->empty()) return rejected("ids: must be a list of ids");
    for (const auto& id : *ids) {
      if (!id.is_string() || id.get_ref<const std::string&>().empty()) {
        return rejected("ids: must be a list of ids");
      }
      request.ids.insert(id.get<std::string>());
    }
    ++selectors;
  }
  if (const auto reason = json.find("reason"); reason != json.end()) {
    if (!reason->is_string() || reason->get_ref<const std::string&>().empty()) {
      return rejected("reason: must be a part of the reason");
    }
    request.reason = reason->get<std::string>();
    ++selectors;
  }
  if (selectors != 1) return rejected("body: must have exactly one of all, ids and reason");
  if (const auto dry_run = json.find("dryRun"); dry_run != json.end()) {
    if (!dry_run->is_boolean()) return rejected("dryRun: must be true or false");
    request.dry_run = dry_run->get<bool>();
  }
  return request;
}

std::string to_json(const queue::DeadLetterPage& page) {
  Json letters = Json::array();
  for (const auto& letter : page.letters) letters.push_back(to_object(letter));
  Json json{{"deadLetters", std::move(letters)}};
  if (!page.next.empty()) json["next"] = page.next;
  return text_of(json);
}

std::string to_json(const ReplayRequest& request, const ReplayOutcome& outcome) {
  Json json{{"matched", outcome.matched},
            {"replayed", outcome.replayed},
            {"failed", outcome.failed},
            {"dryRun", request.dry_run},
            {"more", outcome.more}};
  if (!outcome.first_failure.ok()) json["firstError"] = outcome.first_failure.text();
  return text_of(json);
}

}  // namespace millrace::edge
