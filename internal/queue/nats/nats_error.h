// What the library and the server say, in our terms.
#pragma once

#include <nats/nats.h>
#include <string>

#include "base/status.h"

namespace millrace::queue {

// The library's words for `status` on this thread, with the server's own when there are any.
std::string nats_text(natsStatus status, jsErrCode code = static_cast<jsErrCode>(0));

// The server's answer to a publish that it refused: the message isn't stored. Ok when it didn't
// answer: then nobody knows.
Status nats_refusal(const jsPubAckErr& error);

}  // namespace millrace::queue
