#include "runtime/api/recipe.h"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

Recipe::Ingredient ingredient_of(const ObjectPtr& object, std::uint32_t& depth) {
  if (object->recipe) {
    depth = std::max(depth, object->recipe->depth + 1);
    return {.object = object, .recipe = object->recipe};
  }
  // Of one that came from elsewhere it is not known what stands around its Refs; these cannot be made again anyway.
  if (!object->inside || object->inside->around.empty()) return {.kept = object};
  Recipe::Ingredient whole{
      .object = object,
      .around = std::make_shared<const Recipe::Around>(Recipe::Around{object->inside->around, object->hold})};
  for (const auto& ref : object->inside->refs) whole.refs.push_back(ingredient_of(ref, depth));
  return whole;
}

}  // namespace

std::shared_ptr<Recipe> recipe_of(TaskSpec spec, const std::vector<RawArgument>& arguments) {
  auto recipe = std::make_shared<Recipe>();
  recipe->spec = std::move(spec);
  recipe->runs_left = most_remakes;
  for (const auto& argument : arguments) {
    if (const auto* value = std::get_if<Bytes>(&argument)) {
      recipe->arguments.emplace_back(*value);
    } else {
      recipe->arguments.emplace_back(ingredient_of(std::get<ObjectPtr>(argument), recipe->depth));
    }
  }
  return recipe->depth <= deepest_recipe ? recipe : nullptr;
}

}  // namespace troupe
