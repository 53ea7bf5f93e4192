// Messages for tests, told apart by their ids.
#pragma once

#include <string>
#include <vector>

#include "message/message.h"

namespace millrace::fakes {

// id "m-<number>", source "test".
Message make_message(std::size_t number, std::string payload = "payload");

// `count` of them, numbered from `first`.
std::vector<Message> make_messages(std::size_t count, std::size_t first = 0);

}  // namespace millrace::fakes
