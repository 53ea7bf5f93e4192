// Many messages in one that the server stores, acks and delivers: what JetStream costs, it
// costs for each stored message, whatever its size.
//
// A frame's body is a diplom.v1.DataFrame (api/proto); kNatsFrameHeader says how many are in it. A
// stored message without that header is one DataMessage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::queue {

inline constexpr const char* kNatsFrameHeader = "Millrace-Frame";
inline constexpr std::size_t kNatsFrameMessagesMax = 1000;
// What a message takes in a frame besides its own bytes.
inline constexpr std::size_t kNatsFrameOverhead = 6;

// The frame of encoded messages.
std::string pack_frame(const std::vector<std::string_view>& wires);

// The `count` encoded messages of `frame`, views into it. Empty when it isn't a frame of so many,
// or `count` isn't 1 to kNatsFrameMessagesMax. They may be anything: decode them with care.
std::vector<std::string_view> unpack_frame(std::string_view frame, std::uint64_t count);

}  // namespace millrace::queue
