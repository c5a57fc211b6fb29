#include "scheduler/store/memory_task_store.h"
#include "tests/scheduler/store/world.h"

namespace troupe::scheduler::test {

namespace {

class MemoryWorld final : public World {
 public:
  std::unique_ptr<TaskStore> store(std::optional<StoreAge> seen) override {
    return std::make_unique<MemoryTaskStore>(disk_, seen);
  }
  void copy_disk() override { copy_ = disk_; }
  void put_copy_back() override { disk_ = copy_; }

 private:
  MemoryDisk disk_;
  MemoryDisk copy_;
};

}  // namespace

std::unique_ptr<World> new_world() { return std::make_unique<MemoryWorld>(); }

}  // namespace troupe::scheduler::test
