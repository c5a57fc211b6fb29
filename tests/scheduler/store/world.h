// A store's outside, as the conformance suite sees it. Each kind of store brings one implementation, and the suite is
// linked with each.
#pragma once

#include <memory>
#include <optional>

#include "runtime/base/store_age.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler::test {

class World {
 public:
  virtual ~World() = default;

  /// A store of another process on the same disk.
  virtual std::unique_ptr<TaskStore> store(std::optional<StoreAge> seen = std::nullopt) = 0;

  virtual void copy_disk() = 0;
  virtual void put_copy_back() = 0;
};

std::unique_ptr<World> new_world();

}  // namespace troupe::scheduler::test
