// ^C, counted: the first ends the work in order, the second at once.
#pragma once

namespace troupe::cli {

/// From now on SIGINT, SIGTERM and SIGHUP are only counted.
void count_interrupts();

/// How many there were.
int interrupts();

}  // namespace troupe::cli
