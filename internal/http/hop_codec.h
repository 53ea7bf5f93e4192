// The hop's framing: millrace.v1.HopBatch and HopReply of api/proto.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "http/hop.h"

namespace millrace::http {

// Appends one item to a batch's bytes. Protobuf messages concatenate: the batch is the appended
// items.
void append_hop_item(std::string& batch, const HopItem& item);

// The items of a batch, or Code::invalid; Code::too_large beyond kHopItemsMax, before anything is
// made of them.
Result<std::vector<HopItem>> decode_hop_batch(std::string_view body);

std::string encode_hop_reply(const std::vector<HopAnswer>& answers);
// Code::invalid also for a code that isn't one of ours.
Result<std::vector<HopAnswer>> decode_hop_reply(std::string_view body);

}  // namespace millrace::http
