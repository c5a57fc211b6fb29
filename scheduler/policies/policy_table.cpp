#include "scheduler/policies/policy_table.h"

#include "runtime/base/check.h"

namespace troupe::scheduler {

PlacementPolicy policy_for(std::optional<GangPolicy> gang) {
  if (!gang) return place_task;
  switch (*gang) {
    case GangPolicy::data: return place_data_parallel;
    case GangPolicy::model: return place_model_parallel;
    case GangPolicy::mesh: return place_mesh;
  }
  check_failed(__FILE__, __LINE__, "gang", "a gang's policy is one of those in the table");
}

}  // namespace troupe::scheduler
