// The half of a session that knows of values in shared memory: it puts them, looks at them, and has those that were
// lost made again.
#include <algorithm>
#include <map>
#include <utility>

#include "runtime/api/carried.h"
#include "runtime/api/session_core.h"
#include "runtime/base/carried_value.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

ObjectPtr SessionCore::put(EncodedValue value) {
  auto object = make_object("put", std::nullopt);
  auto carried = carry(std::move(value), options_.objects.get(), ObjectClient::For::self);
  if (carried) {
    object->hold = std::move(carried->hold);
    object->outcome = std::move(carried->bytes);
  } else {
    object->outcome = Failure{carried.error().fault, "put", {}, 0, carried.error().message};
  }
  return object;
}

std::vector<RawArgument> SessionCore::with_large_ones_put(std::vector<RawArgument> arguments) {
  for (auto& argument : arguments) {
    auto* value = std::get_if<Bytes>(&argument);
    if (value == nullptr || value->size() <= small_value_bytes || !options_.objects) continue;
    argument = put({std::move(*value)});
  }
  return arguments;
}

std::variant<Payload, Failure> SessionCore::value_of(const ObjectPtr& object, Clock::time_point deadline) {
  const ObjectPtr objects[] = {object};
  for (;;) {
    if (!wait(objects, 1, deadline)) return Failure{Fault::timed_out, object->name(), {}, 0, "it is not there yet"};
    Bytes name;
    {
      const std::lock_guard lock(mutex_);
      if (const auto* failure = std::get_if<Failure>(&object->outcome)) return *failure;
      const auto* found = std::get_if<Bytes>(&object->outcome);
      if (found == nullptr) continue;  // It is being made again.
      if (!stored_object_from(*found)) return Payload{*found, nullptr};
      name = *found;
    }
    auto payload = fetch(name, options_.objects.get());
    if (payload) return std::move(*payload);
    if (payload.error().fault != Fault::peer_lost)
      return Failure{payload.error().fault, object->name(), {}, 0, payload.error().message};
    const std::lock_guard lock(mutex_);
    const auto* found = std::get_if<Bytes>(&object->outcome);
    if (found != nullptr && *found == name) make_again(object);
  }
}

std::vector<ObjectPtr> SessionCore::parts_of(const ObjectPtr& whole, std::size_t count) {
  const std::lock_guard lock(mutex_);
  std::vector<ObjectPtr> parts;
  for (std::size_t i = 0; i < count; ++i) {
    parts.push_back(std::make_shared<Object>(whole->name(), std::nullopt));
    parts.back()->whole = whole;
    whole->parts.push_back(parts.back());
  }
  if (whole->is_ready()) finish_parts(*whole);
  return parts;
}

void SessionCore::finish_parts(const Object& whole) {
  const auto* bytes = std::get_if<Bytes>(&whole.outcome);
  auto values =
      bytes != nullptr ? decode<std::vector<Bytes>>(*bytes, value_limits) : Result<std::vector<Bytes>>(Error{});
  for (std::size_t i = 0; i < whole.parts.size(); ++i) {
    const ObjectPtr part = whole.parts[i].lock();
    const bool has_value = values && i < values->size();
    if (!part && has_value && options_.objects)
      if (const auto stored = stored_object_from((*values)[i])) options_.objects->hold(*stored, true);
    if (!part) continue;
    if (has_value) {
      finish(part, std::move((*values)[i]));
    } else if (const auto* failure = std::get_if<Failure>(&whole.outcome)) {
      finish(part, *failure);
    } else {
      finish(part, Failure{Fault::corrupt, whole.name(), {}, 0, "it has not as many results as are expected"});
    }
  }
}

std::uint32_t SessionCore::losses_of(const std::vector<RawArgument>& arguments) {
  std::uint32_t losses = 0;
  for (const auto& argument : arguments)
    if (const auto* object = std::get_if<ObjectPtr>(&argument)) losses += (*object)->losses;
  return losses;
}

/// Where most bytes of those arguments lie that do not travel themselves: as far as it is known, or none.
NodeId SessionCore::node_near(const std::vector<RawArgument>& arguments) {
  std::map<NodeId, std::uint64_t> bytes;
  for (const auto& argument : arguments) {
    const auto* object = std::get_if<ObjectPtr>(&argument);
    if (object == nullptr || !(*object)->lies_on) continue;
    if (const auto* value = std::get_if<Bytes>(&(*object)->outcome)) bytes[(*object)->lies_on] += value_bytes(*value);
  }
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? NodeId{} : most->first;
}

void SessionCore::remake_lost(const std::vector<RawArgument>& arguments) {
  for (const auto& argument : arguments)
    if (const auto* object = std::get_if<ObjectPtr>(&argument); object != nullptr && is_lost(**object))
      make_again(*object);
}

/// Runs the task anew that made it, under another id; where there is none, or it was lost too often, it has failed.
void SessionCore::make_again(const ObjectPtr& object) {
  object->hold.reset();
  object->lies_on = {};
  ++object->losses;
  const auto recipe = object->recipe;
  if (!recipe || recipe->runs_left == 0 || !lost_.empty()) {
    const char* why = recipe ? "it was lost with its node, again and again"
                             : "it was lost with its node, and only results of tasks can be made again";
    object->outcome = Failure{Fault::peer_lost, object->name(), {}, 0, why};
    changed_.notify_all();
    return;
  }
  --recipe->runs_left;
  PendingTask task;
  task.spec = recipe->spec;
  for (const auto& argument : recipe->arguments) {
    if (const auto* value = std::get_if<Bytes>(&argument)) {
      task.arguments.emplace_back(*value);
      continue;
    }
    const auto& ingredient = std::get<Recipe::Ingredient>(argument);
    ObjectPtr input = ingredient.kept ? ingredient.kept : ingredient.object.lock();
    if (!input) {  // Nobody else wants it: it is made for this task alone.
      input = std::make_shared<Object>(ingredient.recipe->spec.name, std::nullopt);
      input->recipe = ingredient.recipe;
      make_again(input);
    }
    task.arguments.emplace_back(std::move(input));
  }
  give_again(std::move(task), object);
}

/// A task that failed, where arguments of it were lost meanwhile. False: none were, or it has been so too often.
bool SessionCore::run_again_for_lost(TaskId id) {
  if (!options_.objects) return false;
  options_.objects->look_after();
  const auto found = tasks_.find(id);
  PendingTask& task = found->second;
  remake_lost(task.arguments);
  const auto result = task.result.lock();
  if (losses_of(task.arguments) == task.losses || !result || task.runs_left == 0) return false;
  if (task.is_cancelled || result->is_ready()) return false;  // Nobody waits for it any more.
  --task.runs_left;
  PendingTask again = std::move(task);
  tasks_.erase(found);
  give_again(std::move(again), result);
  return true;
}

/// Under a new id: what the scheduler knows of the old one has ended.
void SessionCore::give_again(PendingTask task, const ObjectPtr& result) {
  const TaskId id = next_task();
  if (result->when_dropped) result->when_dropped();  // The old one's end need not be kept.
  result->becomes(id);
  result->when_dropped = [dropped = dropped_, id] {
    const std::lock_guard lock(dropped->mutex);
    dropped->tasks.push_back(id);
  };
  result->outcome = std::monostate();
  task.spec.id = id;
  task.sent = false;
  task.is_cancelled = false;
  task.result = result;
  tasks_.emplace_hint(tasks_.end(), id, std::move(task));
  unsent_.insert(unsent_.end(), id);
  if (!open_submit_) wake();
}

}  // namespace troupe
