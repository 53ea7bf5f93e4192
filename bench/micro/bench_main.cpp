#include "contest.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  millrace::bench::register_contests();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
