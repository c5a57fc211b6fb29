// The object store of a node: a thread that takes requests at a socket, and keeps the memory and the files. What it
// decides is store_core's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/base/result.h"

namespace troupe {

struct ObjectStoreOptions {
  std::string socket;
  /// Of memory that objects may take.
  std::uint64_t limit_bytes = 0;
  /// Takes objects for which there is no room in memory; what is left there by others is removed. Empty: none goes to
  /// disk.
  std::string spill_folder;
};

class ObjectStore {
 public:
  /// Fails with: unavailable.
  static Result<ObjectStore> start(const ObjectStoreOptions& options);

  ObjectStore(ObjectStore&&) noexcept;
  ObjectStore& operator=(ObjectStore&&) noexcept;
  /// All objects are gone; who looks at one goes on looking at it.
  ~ObjectStore();

 private:
  class Thread;
  explicit ObjectStore(std::unique_ptr<Thread> thread);
  std::unique_ptr<Thread> thread_;
};

}  // namespace troupe
