// Records as they lie in the store: a version byte, a word for people (a task's state, as redis-cli shows it), the
// fields (runtime/wire/fields.h), and a checksum over all of it and over the record's own place. So a flipped bit, a
// cut record and a record that was copied elsewhere are all found.
//
// Damage is always reported, never defaulted and never skipped: a task that silently went missing is worse than a
// scheduler that does not start.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "scheduler/core/record.h"

namespace troupe::scheduler {

/// Where a record lies: a hash and the field in it. Names it in errors, too.
struct RecordPlace {
  std::string_view key;
  std::string_view field;
};

/// `key field`.
std::string to_text(RecordPlace place);

/// `what` is wrong with the record at `place`; corrupt.
Error damaged_record(RecordPlace place, const std::string& what);

/// T is JobInfo, TaskSpec, TaskProgress, GraphSummary, CachedResult, NodeId, sync::QueueOptions or StoredMessage.
template <class T>
std::string encode_record(RecordPlace place, const T& value);

/// The value that was written at `place`.
///
/// Fails with: corrupt (not what was written there), unsupported (written by a newer version).
template <class T>
Result<T> decode_record(RecordPlace place, std::string_view bytes);

}  // namespace troupe::scheduler
