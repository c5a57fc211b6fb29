#include "runtime/api/recipe.h"

#include <algorithm>
#include <utility>

namespace troupe {

std::shared_ptr<Recipe> recipe_of(TaskSpec spec, const std::vector<RawArgument>& arguments) {
  auto recipe = std::make_shared<Recipe>();
  recipe->spec = std::move(spec);
  recipe->runs_left = most_remakes;
  for (const auto& argument : arguments) {
    if (const auto* value = std::get_if<Bytes>(&argument)) {
      recipe->arguments.emplace_back(*value);
      continue;
    }
    const auto& object = std::get<ObjectPtr>(argument);
    if (object->recipe) {
      recipe->depth = std::max(recipe->depth, object->recipe->depth + 1);
      recipe->arguments.emplace_back(Recipe::Ingredient{object, object->recipe, nullptr});
    } else {
      recipe->arguments.emplace_back(Recipe::Ingredient{{}, nullptr, object});
    }
  }
  return recipe->depth <= deepest_recipe ? recipe : nullptr;
}

}  // namespace troupe
