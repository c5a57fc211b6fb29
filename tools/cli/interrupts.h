// ^C, counted: the first ends the work in order, the second at once.
#pragma once

namespace troupe::cli {

/// From now on SIGINT, SIGTERM and SIGHUP are counted; `most` of them end the process at once (0: never), as a cluster
/// that is then taken down by its supervisor allows.
void count_interrupts(int most = 0);

/// How many there were.
int interrupts();

}  // namespace troupe::cli
