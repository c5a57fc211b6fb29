// What an agent has seen of its cluster's store, on disk. A thread of its own writes it, for a slow disk must not hold
// up heartbeats; a disk that refuses is tried again every second.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/base/store_age.h"

namespace troupe {

/// Threads: one owner.
class SeenFile {
 public:
  /// `found`: what lies there. Calls `on_epoch`, in its own thread, when another epoch is on disk. Nothing is kept when
  /// `path` is empty.
  SeenFile(std::string path, const StoreAge& found, std::function<void()> on_epoch);
  ~SeenFile();  ///< What was handed over last is on disk, if the disk takes it.
  SeenFile(const SeenFile&) = delete;

  /// Returns at once; of several that wait only the last is written.
  void keep(StoreAge seen);

  /// The epoch that is on disk; where nothing is kept, the highest that there may be.
  std::uint32_t epoch() const { return epoch_; }

  /// What lies in a file: nothing was seen when there is none, or none that can be read.
  static StoreAge read(const std::string& path, ClusterId cluster);

 private:
  void run();
  bool write(StoreAge seen);

  const std::string path_;
  const std::function<void()> on_epoch_;
  std::atomic<std::uint32_t> epoch_;
  bool told_ = false;  // That the disk refuses.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<StoreAge> waiting_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace troupe
