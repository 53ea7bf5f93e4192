/* Waits for its end, as the pause container does. */
#include <signal.h>

int main(void) {
  sigset_t end;
  int got;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigaddset(&end, SIGINT);
  sigprocmask(SIG_BLOCK, &end, 0);
  return sigwait(&end, &got);
}
