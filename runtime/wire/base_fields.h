// How the plain values of runtime/base lie in bytes. The order of the fields is the format: new ones are appended, none
// moves. Compiled once, in base_fields.cpp.
#pragma once

#include "runtime/base/orders.h"
#include "runtime/base/resources.h"
#include "runtime/base/synchronisation.h"
#include "runtime/base/task_spec.h"
#include "runtime/base/wait_reason.h"
#include "runtime/wire/fields.h"

namespace troupe {

constexpr GangPolicy last_of(GangPolicy) { return GangPolicy::mesh; }
constexpr RestartMode last_of(RestartMode) { return RestartMode::logged; }
constexpr TaskState last_of(TaskState) { return TaskState::skipped; }
constexpr AttemptEnd last_of(AttemptEnd) { return AttemptEnd::preempted; }
constexpr GrantedCpus last_of(GrantedCpus) { return GrantedCpus::owed; }
constexpr WaitsFor last_of(WaitsFor) { return WaitsFor::worker; }
constexpr Fault last_of(Fault) { return Fault::corrupt; }
namespace sync {
constexpr Kind last_of(Kind) { return Kind::queue; }
constexpr Outcome last_of(Outcome) { return Outcome::refused; }
}  // namespace sync

template <class Archive>
void fields(Archive& archive, ClusterId& value);
template <class Archive>
void fields(Archive& archive, TaskId& value);
template <class Archive>
void fields(Archive& archive, AttemptId& value);
template <class Archive>
void fields(Archive& archive, Error& value);

template <class Archive>
void fields(Archive& archive, Resources& value);
template <class Archive>
void fields(Archive& archive, GpuDevice& value);
template <class Archive>
void fields(Archive& archive, NodeCapacity& value);
template <class Archive>
void fields(Archive& archive, GpuShare& value);
template <class Archive>
void fields(Archive& archive, Grant& value);

template <class Archive>
void fields(Archive& archive, InputRef& value);
template <class Archive>
void fields(Archive& archive, FunctionWork& value);
template <class Archive>
void fields(Archive& archive, ActorWork& value);
template <class Archive>
void fields(Archive& archive, CommandWork& value);
template <class Archive>
void fields(Archive& archive, JoinWork& value);
template <class Archive>
void fields(Archive& archive, GangHint& value);
template <class Archive>
void fields(Archive& archive, SemaphoreNeed& value);
template <class Archive>
void fields(Archive& archive, Condition& value);
template <class Archive>
void fields(Archive& archive, Repeat& value);
template <class Archive>
void fields(Archive& archive, RetryRule& value);
template <class Archive>
void fields(Archive& archive, TaskSpec& value);
template <class Archive>
void fields(Archive& archive, Cause& value);
template <class Archive>
void fields(Archive& archive, AttemptRecord& value);

template <class Archive>
void fields(Archive& archive, RunOrder& value);
template <class Archive>
void fields(Archive& archive, RunningAttempt& value);
template <class Archive>
void fields(Archive& archive, AttemptReport& value);
template <class Archive>
void fields(Archive& archive, JobInfo& value);
template <class Archive>
void fields(Archive& archive, WaitReason& value);

namespace sync {
template <class Archive>
void fields(Archive& archive, QueueOptions& value);
template <class Archive>
void fields(Archive& archive, Request& value);
template <class Archive>
void fields(Archive& archive, Answer& value);
}  // namespace sync

}  // namespace troupe
