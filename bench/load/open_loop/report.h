// An outcome for people, for scripts, and as a verdict.
#pragma once

#include <string>

#include "options.h"
#include "outcome.h"

namespace millrace::load {

// Why the run isn't what was asked for, in one line; empty when it is.
std::string complaint(const Options& options, const Outcome& outcome);

std::string as_json(const Options& options, const Outcome& outcome);
std::string as_table(const Options& options, const Outcome& outcome);

}  // namespace millrace::load
