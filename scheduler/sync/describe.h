// Requests and answers as a line of text, for transcripts and traces.
#pragma once

#include <string>

#include "runtime/base/synchronisation.h"

namespace troupe::scheduler {

/// `17`, or `2:17` when it is not of the first epoch.
std::string token_text(sync::Token token);
/// `acquire lock 'a' (3)`: what, and the request's number.
std::string describe(const sync::Request& request);
/// `3: granted as 17`
std::string describe(const sync::Answer& answer);

}  // namespace troupe::scheduler
