// Memory and disk of an object store that are only names, and see whether they are used rightly.
#pragma once

#include <set>

#include "runtime/base/check.h"
#include "runtime/objects/store_core.h"

namespace troupe::test {

class FakeShelf final : public object_store::Shelf {
 public:
  using SegmentNumber = object_store::SegmentNumber;

  SegmentNumber make() {
    memory.insert(++last_);
    return last_;
  }
  void offer(SegmentNumber segment) override {
    TROUPE_CHECK(memory.contains(segment), "what is offered is there");
    spare.insert(segment);
  }
  bool take_away_spare(SegmentNumber segment) override {
    TROUPE_CHECK(spare.contains(segment), "what is taken away was offered");
    if (taken_by_writer.contains(segment)) return false;
    spare.erase(segment);
    TROUPE_CHECK(memory.erase(segment) == 1, "what is taken away is there");
    return true;
  }
  void remove(SegmentNumber segment) override {
    spare.erase(segment);
    TROUPE_CHECK(memory.erase(segment) == 1, "what is removed is there");
  }
  Result<void> spill(ObjectId object, SegmentNumber segment, std::uint64_t /*bytes*/) override {
    if (disk_is_full) return Error{Fault::unavailable, "no space left"};
    TROUPE_CHECK(memory.contains(segment), "what goes to disk is in memory");
    TROUPE_CHECK(disk.insert(object).second, "nothing goes to disk twice");
    return {};
  }
  Result<SegmentNumber> restore(ObjectId object, std::uint64_t /*capacity*/) override {
    TROUPE_CHECK(disk.contains(object), "what comes back is on disk");
    return make();
  }
  void remove_from_disk(ObjectId object) override {
    TROUPE_CHECK(disk.erase(object) == 1, "what is removed from disk is there");
  }

  bool disk_is_full = false;
  std::set<SegmentNumber> memory;
  std::set<SegmentNumber> spare;
  std::set<SegmentNumber> taken_by_writer;
  std::set<ObjectId> disk;

 private:
  SegmentNumber last_ = 0;
};

}  // namespace troupe::test
