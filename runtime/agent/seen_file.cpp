#include "runtime/agent/seen_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

namespace troupe {
namespace {

constexpr std::chrono::seconds between_tries{1};

/// Writes and syncs; false when the disk refuses.
bool sync_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  return written && synced;
}

void sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

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
  const std::string fresh = path_ + ".new";
  const std::string text = std::to_string(seen.epoch) + ' ' + std::to_string(seen.commit_seq) + '\n';
  if (sync_file(fresh, text) && std::rename(fresh.c_str(), path_.c_str()) == 0) {
    sync_folder(std::filesystem::path(path_).parent_path().string());
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
