#include "runtime/agent/seen_file.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <limits>
#include <utility>

#include "runtime/base/replace_file.h"

namespace troupe {
namespace {

constexpr std::chrono::seconds between_tries{1};

}  // namespace

SeenFile::SeenFile(std::string path, const StoreAge& found, std::function<void()> on_epoch)
    : path_(std::move(path)),
      on_epoch_(std::move(on_epoch)),
      epoch_(path_.empty() ? std::numeric_limits<std::uint32_t>::max() : found.epoch) {
  if (!path_.empty()) thread_ = std::thread([this] { run(); });
}

SeenFile::~SeenFile() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SeenFile::keep(StoreAge seen) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_ = seen;
  }
  changed_.notify_one();
}

StoreAge SeenFile::read(const std::string& path, ClusterId cluster) {
  StoreAge seen{cluster};
  std::ifstream file(path);
  if (!(file >> seen.epoch >> seen.commit_seq)) return {cluster};
  return seen;
}

void SeenFile::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return waiting_ || ends_; });
    if (!waiting_) return;
    const StoreAge seen = *std::exchange(waiting_, std::nullopt);
    lock.unlock();
    const bool is_written = write(seen);
    lock.lock();
    if (is_written) continue;
    if (ends_) return;
    if (!waiting_) waiting_ = seen;
    changed_.wait_for(lock, between_tries, [this] { return ends_; });
  }
}

bool SeenFile::write(StoreAge seen) {
  const std::string text = std::to_string(seen.epoch) + ' ' + std::to_string(seen.commit_seq) + '\n';
  if (replace_file(path_, text)) {
    told_ = false;
    if (epoch_.exchange(seen.epoch) != seen.epoch) on_epoch_();
    return true;
  }
  if (!std::exchange(told_, true))
    std::fprintf(stderr,
                 "troupe: agent: cannot write %s: is the disk full? It starts nothing for a scheduler whose epoch "
                 "is not there\n",
                 path_.c_str());
  return false;
}

}  // namespace troupe
