// Which policy answers which hint: the one place to touch when a policy is added.
#pragma once

#include <optional>

#include "runtime/base/task_spec.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

/// The policy of a gang with this hint; of a single task where there is none.
PlacementPolicy policy_for(std::optional<GangPolicy> gang);

}  // namespace troupe::scheduler
