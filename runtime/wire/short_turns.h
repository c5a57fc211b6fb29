// For threads that talk to other processes.
#pragma once

namespace troupe {

/// The kernel runs the calling thread as soon as it is woken, ahead of those that have had a processor for a while: on
/// a node whose processors all compute, it would otherwise wait for milliseconds. It is to work in turns of
/// microseconds. Threads and processes that it begins are as any others.
///
/// Kernels before Linux 6.12 know no such wish, and do as they did.
void take_short_turns();

}  // namespace troupe
