// What an agent has seen of its cluster's store, on disk. A thread of its own writes it, for a slow disk must not hold
// up heartbeats.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/base/orders.h"

namespace troupe {

/// Threads: one owner.
class SeenFile {
 public:
  /// Nothing is kept when `path` is empty.
  explicit SeenFile(std::string path);
  ~SeenFile();  ///< What was handed over last is on disk.
  SeenFile(const SeenFile&) = delete;

  /// Returns at once; of several that wait only the last is written.
  void keep(StoreSeen seen);

  /// What lies in a file: nothing was seen when there is none, or none that can be read.
  static StoreSeen read(const std::string& path);

 private:
  void run();
  void write(StoreSeen seen) const;

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<StoreSeen> waiting_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace troupe
