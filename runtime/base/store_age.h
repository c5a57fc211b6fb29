// How old a scheduler's store is, as somebody remembers it. One that comes back younger than that, or of another
// cluster, has lost what was promised to be on disk: it is refused with the numbers, never silently taken. Schedulers,
// and agents of a scheduler's messages, judge by this one rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/base/ids.h"
#include "runtime/base/planted.h"
#include "runtime/base/result.h"

namespace troupe {

struct StoreAge {
  ClusterId cluster;
  std::uint32_t epoch = 0;
  std::uint64_t commit_seq = 0;  ///< Batches committed.
  friend bool operator==(const StoreAge&, const StoreAge&) = default;
};

/// Why a store of age `found` must not be used by one who has seen `seen`; nothing when it may.
std::optional<Error> refuse_older(const std::string& store, const StoreAge& found, const StoreAge& seen,
                                  Planted planted = Planted::none);

}  // namespace troupe
