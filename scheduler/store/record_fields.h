// How the values of core/record.h lie in bytes, for the store and for event logs. The order of the fields is the
// format: new ones are appended, none moves. Compiled once, in record_fields.cpp.
#pragma once

#include "runtime/wire/base_fields.h"
#include "scheduler/core/record.h"

namespace troupe::scheduler {

constexpr Branch last_of(Branch) { return Branch::not_taken; }

template <class Archive>
void fields(Archive& archive, TaskProgress& value);
template <class Archive>
void fields(Archive& archive, GraphSummary& value);
template <class Archive>
void fields(Archive& archive, CachedResult& value);
template <class Archive>
void fields(Archive& archive, StoredMessage& value);
template <class Archive>
void fields(Archive& archive, StoredState& value);

}  // namespace troupe::scheduler
