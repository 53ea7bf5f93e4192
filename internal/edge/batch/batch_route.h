// POST of many messages at once: NDJSON or a JSON array, plain or packed.
#pragma once

#include <functional>
#include <string>

#include "edge/batch/piece.h"
#include "http/router.h"

namespace millrace::edge {

// What a request's pieces are sent with. The request's views end with the call.
using MakeSendPiece = std::function<SendPiece(const http::Request& request)>;

// A route that answers batches as BatchAnswers has it; 415 for other content types and encodings.
http::Route batch_route(std::string path, MakeSendPiece make_send);

}  // namespace millrace::edge
