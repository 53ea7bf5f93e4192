#include "fakes/messages.h"

#include <utility>

namespace millrace::fakes {

Message make_message(std::size_t number, std::string payload) {
  MessageFields fields;
  fields.id = "m-" + std::to_string(number);
  fields.timestamp = 1'700'000'000;
  fields.source = "test";
  fields.payload = std::move(payload);
  return Message::encode(fields);
}

std::vector<Message> make_messages(std::size_t count, std::size_t first) {
  std::vector<Message> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(make_message(first + i));
  return out;
}

}  // namespace millrace::fakes
