// A listening socket that is to be closed without resetting who has just connected.
#pragma once

namespace millrace::http {

// Nobody new gets through to this TCP socket: what comes to open a connection is dropped, and its
// sender tries again after a second, with another listener of the port or to be refused. So those
// who are there can be accepted, all of them, before the socket is closed, which resets those who
// aren't. Does its best: without it some are reset. Thread-safe.
void hold_off_newcomers(int listening_socket);

}  // namespace millrace::http
