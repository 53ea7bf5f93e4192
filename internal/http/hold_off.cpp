#include "http/hold_off.h"

#include <array>
#include <cstdint>
#include <linux/filter.h>
#include <sys/socket.h>

namespace millrace::http {

void hold_off_newcomers(int listening_socket) {
  // Of the TCP header. A SYN without an ACK opens a connection.
  constexpr std::uint32_t kFlagsAt = 13;
  constexpr std::uint32_t kSyn = 0x02;
  constexpr std::uint32_t kAck = 0x10;
  constexpr std::uint32_t kAllOfIt = 0xffffffff;
  std::array<sock_filter, 5> program{{
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, kFlagsAt},
      {BPF_ALU | BPF_AND | BPF_K, 0, 0, kSyn | kAck},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kSyn},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, kAllOfIt},
  }};
  const sock_fprog filter{program.size(), program.data()};
  ::setsockopt(listening_socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

}  // namespace millrace::http
