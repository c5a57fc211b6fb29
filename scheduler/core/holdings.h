// What the attempts of one node hold.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/boxed.h"
#include "runtime/base/check.h"
#include "runtime/base/ids.h"
#include "runtime/base/prefetch.h"
#include "runtime/base/resources.h"
#include "scheduler/core/event.h"
#include "scheduler/core/slots_by_number.h"

namespace troupe::scheduler {

struct AttemptKey {
  TaskId task;
  AttemptId attempt;
  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};

struct Holding {
  enum class Kind : std::uint8_t {
    running,   // the current attempt of its task
    stopping,  // was told to stop; holds its grant until its node says that it has
    orphan,    // of a driver that has not come back yet after a restart of the scheduler
  };
  Kind kind = Kind::running;
  Slot slot = no_slot;       ///< Where its task was when it was given; the task may be gone.
  bool lasting = false;      ///< Does not end by itself: an actor, or what waits.
  bool awaiting = false;     ///< Was given ahead, and something that it comes after still runs on the node.
  std::uint8_t unheard = 0;  ///< Heartbeats since the order, or the stop, that show that it has not arrived.
  Grant grant;
  Milli lent = 0;               ///< Cpus that it was granted and has not: it waits, or has not got them back yet.
  Boxed<Grant> ahead;           ///< What it will hold: it was given before there was room, and waits at its node.
  Time since{};                 ///< When it was given, or got its room.
  std::uint64_t billed_to = 0;  ///< The serial of the job in whose usage it is.
  std::uint64_t spared_by = 0;  ///< The node's `kept_as` when this was booked in `spare`.
  Time until{};                 ///< Of an orphan: how long it is kept.
  std::string address;

  bool is_actor() const { return lasting && lent == 0; }
  bool holds_more_than_cpus() const { return grant.memory_bytes > 0 || !grant.gpus.empty() || !grant.named.empty(); }
};

/// In order of their keys, close together: a node has few.
class Holdings {
 public:
  struct Entry {
    AttemptKey key;
    std::unique_ptr<Holding> holding;
  };

  /// nullptr when there is none.
  Holding* find(const AttemptKey& key) {
    const auto place = place_of(key);
    return place == entries_.end() || place->key != key ? nullptr : place->holding.get();
  }
  const Holding* find(const AttemptKey& key) const { return const_cast<Holdings*>(this)->find(key); }
  bool contains(const AttemptKey& key) const { return find(key) != nullptr; }
  /// Requires: it is there.
  Holding& at(const AttemptKey& key) {
    Holding* holding = find(key);
    TROUPE_CHECK(holding != nullptr, "the node holds the attempt");
    return *holding;
  }
  const Holding& at(const AttemptKey& key) const { return const_cast<Holdings*>(this)->at(key); }

  /// Requires: it is not there.
  Holding& add(const AttemptKey& key) {
    const auto place = place_of(key);
    TROUPE_CHECK(place == entries_.end() || place->key != key, "an attempt is given once");
    return *entries_.insert(place, Entry{key, std::make_unique<Holding>()})->holding;
  }
  /// Requires: it is there.
  void erase(const AttemptKey& key) {
    const auto place = place_of(key);
    TROUPE_CHECK(place != entries_.end() && place->key == key, "only what is held is released");
    entries_.erase(place);
  }
  void clear() { entries_.clear(); }
  void prefetch() const { troupe::prefetch(entries_.data(), entries_.size() * sizeof(Entry)); }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry>::iterator place_of(const AttemptKey& key) {
    return std::lower_bound(entries_.begin(), entries_.end(), key,
                            [](const Entry& entry, const AttemptKey& wanted) { return entry.key < wanted; });
  }
  std::vector<Entry> entries_;
};

}  // namespace troupe::scheduler
