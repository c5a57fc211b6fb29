#include "runtime/worker/task_output.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <utility>

namespace troupe {
namespace {

std::uint64_t bytes_printed() {
  const off_t end = ::lseek(STDOUT_FILENO, 0, SEEK_END);
  return end < 0 ? 0 : static_cast<std::uint64_t>(end);
}

}  // namespace

TaskOutput::TaskOutput(std::string file) : file_(std::move(file)) {
  if (!file_.empty()) ::setvbuf(stdout, nullptr, _IOLBF, 0);  // Who follows a log sees lines when they are printed.
}

const LogOwner& TaskOutput::begin(const RunOrder& order) {
  if (file_.empty()) return owner_;
  const std::lock_guard lock(mutex_);
  owner_ = {order.task, order.attempt, order.name};
  if (const auto* actor = std::get_if<ActorWork>(&order.work)) {
    if (actor->shares_worker) owner_.name += '*';
    name_file();
  }
  return owner_;
}

void TaskOutput::end() {
  if (file_.empty()) return;
  std::cout.flush();
  ::fflush(stdout);
  const std::lock_guard lock(mutex_);
  if (!named_.empty() || bytes_printed() > 0) {
    name_file();
    go_on_in(open_log(file_));
    named_.clear();
  }
  owner_.task = {};
}

std::string TaskOutput::last_lines() {
  if (file_.empty()) return {};
  std::cout.flush();
  ::fflush(stdout);
  const std::lock_guard lock(mutex_);
  if (bytes_printed() == 0) return {};
  const std::string lines = troupe::last_lines(named_.empty() ? file_ : named_);
  return lines.empty() ? lines : '\n' + lines;
}

void TaskOutput::look_after() {
  if (file_.empty()) return;
  const std::lock_guard lock(mutex_);
  const std::uint64_t bytes = bytes_printed();
  if (bytes == 0 && named_.empty()) return;
  if (owner_.task) {
    name_file();
    ::futimens(STDOUT_FILENO, nullptr);  // Of one that still runs: not the first to be removed.
  }
  if (bytes > most_log_bytes) go_on_in(rotate_log(named_.empty() ? file_ : named_));
}

void TaskOutput::name_file() {
  if (!named_.empty()) return;
  named_ = std::filesystem::path(file_).replace_filename(log_name(owner_)).string();
  ::rename(file_.c_str(), named_.c_str());
}

void TaskOutput::go_on_in(int descriptor) {
  if (descriptor < 0) return;
  ::dup2(descriptor, STDOUT_FILENO);
  ::dup2(descriptor, STDERR_FILENO);
  ::close(descriptor);
}

}  // namespace troupe
