// TERM in a worker's process: its agent wants it to end. The thread that talks hears of it, and lets a task that heeds
// its stop token end by itself.
#pragma once

namespace troupe {

/// One in a process. From then on TERM does not end the process, but for code of the user's that says otherwise.
class Termination {
 public:
  Termination();
  ~Termination();
  Termination(const Termination&) = delete;

  /// Readable once TERM has come.
  int descriptor() const;
  /// Whether it has, since the last look.
  bool take();
  /// As by TERM.
  static void end_process();
};

}  // namespace troupe
