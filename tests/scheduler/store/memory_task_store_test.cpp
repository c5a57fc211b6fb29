#include "scheduler/store/memory_task_store.h"

#include "tests/scheduler/store/store_support.h"

namespace troupe::scheduler::test {

TEST_CASE("a commit lost before it was written is not there, and the store is lost", "[store]") {
  MemoryDisk disk;
  MemoryTaskStore store(disk);
  opened(store);
  disk.next_fault = DiskFault::lost_before;
  CHECK(std::holds_alternative<StoreLost>(commit(store, small_graph(JobId{1}, 1))));
  CHECK(std::holds_alternative<StoreLost>(commit(store, {})));
  CHECK(disk.commit_seq == 0);
  CHECK(opened(store).tasks.empty());
  CHECK(committed(store, {}) == 1);
}

TEST_CASE("a commit lost after it was written is there, and the store is lost all the same", "[store]") {
  MemoryDisk disk;
  MemoryTaskStore store(disk);
  opened(store);
  disk.next_fault = DiskFault::lost_after;
  CHECK(std::holds_alternative<StoreLost>(commit(store, small_graph(JobId{1}, 1))));
  CHECK(disk.commit_seq == 1);
  CHECK(opened(store).tasks.size() == 1);
}

TEST_CASE("a slow disk holds its answers", "[store]") {
  MemoryDisk disk;
  MemoryTaskStore store(disk);
  opened(store);
  disk.holds_answers = true;
  store.commit({});
  CHECK(!store.poll());
  disk.holds_answers = false;
  CHECK(store.poll());
}

}  // namespace troupe::scheduler::test
