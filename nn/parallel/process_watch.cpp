#include "nn/parallel/process_watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::nn {

ProcessWatch::ProcessWatch(pid_t process) : process_(process) {
  if (process == ::getpid()) return;
  descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  gone_ = descriptor_ < 0 && errno == ESRCH;
}

ProcessWatch::~ProcessWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool ProcessWatch::alive() const {
  if (gone_) return false;
  if (process_ == ::getpid()) return true;
  if (descriptor_ < 0) return ::kill(process_, 0) == 0 || errno != ESRCH;  // No descriptor to be had: next best.
  pollfd ended{descriptor_, POLLIN, 0};
  return ::poll(&ended, 1, 0) != 1;
}

}  // namespace troupe::nn
