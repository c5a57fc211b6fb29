// ^C, counted: the first ends the work in order, the second at once.
#pragma once

namespace troupe::cli {

/// From now on SIGINT, SIGTERM and SIGHUP are counted, but for those that are ignored, as by nohup. `most` of them,
/// earlier ones included, end the process at the last one at once (0: never), as a cluster that is then taken down by
/// its supervisor allows.
void count_interrupts(int most = 0);

/// How many there were.
int interrupts();

}  // namespace troupe::cli
