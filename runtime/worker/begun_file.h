// How many orders a worker has begun, kept where its agent can read it once the worker has died: which of several
// orders it died under, no message can tell.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace troupe {

class BegunFile {
 public:
  /// Creates the file beside the socket of the worker's own address; where that is no `ipc://` path, counts nothing.
  explicit BegunFile(const std::string& own_address);
  ~BegunFile();
  BegunFile(const BegunFile&) = delete;
  BegunFile& operator=(const BegunFile&) = delete;

  void count_one() {
    if (begun_ != nullptr) begun_->fetch_add(1, std::memory_order_relaxed);
  }

  /// What the worker of that address counted, 0 when it counted nothing; the file goes. Requires: the worker is gone.
  static std::uint64_t take(const std::string& own_address);

 private:
  std::atomic<std::uint64_t>* begun_ = nullptr;
};

}  // namespace troupe
