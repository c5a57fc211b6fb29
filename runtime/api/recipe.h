// How a value was made, kept so that it can be made again when the node that had it is lost: the task, and the recipes
// of its arguments. The arguments' own values are not kept.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "runtime/api/raw_arguments.h"
#include "runtime/base/task_spec.h"

namespace troupe {

struct Recipe {
  /// What stands around the Refs in a value.
  struct Around {
    Bytes bytes;
    std::shared_ptr<const ObjectHold> hold;
  };
  /// An argument that was the result of another task, was put, or is a value with Refs; or what such a Ref names.
  struct Ingredient {
    std::weak_ptr<Object> object{};
    std::shared_ptr<Recipe> recipe{};
    std::shared_ptr<const Around> around{};  // Of a value with Refs that was made here,
    std::vector<Ingredient> refs{};          // and what these name.
    ObjectPtr kept{};                        // It cannot be made again.
  };

  TaskSpec spec;
  std::vector<std::variant<Bytes, Ingredient>> arguments;
  std::uint32_t depth = 1;  ///< Of tasks that may have to run one after another.
  std::uint32_t runs_left = 0;
};

/// Longer chains of tasks are not made again.
inline constexpr std::uint32_t deepest_recipe = 1000;
/// How often a value is made again.
inline constexpr std::uint32_t most_remakes = 3;

/// Of a task that is done. nullptr: it cannot be made again.
std::shared_ptr<Recipe> recipe_of(TaskSpec spec, const std::vector<RawArgument>& arguments);

}  // namespace troupe
