// Whether another process still runs, asked without being its parent.
#pragma once

#include <sys/types.h>

namespace troupe::nn {

/// Holds on to one process: a later one with the same number is not mistaken for it.
class ProcessWatch {
 public:
  /// Watches `process` from now on. Our own counts as alive.
  explicit ProcessWatch(pid_t process);
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  pid_t process() const { return process_; }

  /// False once it has ended, even if its parent has not yet asked for how.
  bool alive() const;

 private:
  pid_t process_;
  int descriptor_ = -1;
  bool gone_ = false;
};

}  // namespace troupe::nn
