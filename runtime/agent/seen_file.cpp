#include "runtime/agent/seen_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

namespace troupe {
namespace {

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

SeenFile::SeenFile(std::string path) : path_(std::move(path)) {
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
    write(seen);
    lock.lock();
  }
}

void SeenFile::write(StoreAge seen) const {
  const std::string fresh = path_ + ".new";
  const std::string text = std::to_string(seen.epoch) + ' ' + std::to_string(seen.commit_seq) + '\n';
  if (sync_file(fresh, text) && std::rename(fresh.c_str(), path_.c_str()) == 0)
    return sync_folder(std::filesystem::path(path_).parent_path().string());
  std::fprintf(stderr, "troupe: agent: cannot write %s: is the disk full?\n", path_.c_str());
}

}  // namespace troupe
