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

constexpr std::chrono::milliseconds longest_short_wait{1};
constexpr std::chrono::milliseconds between_looks{100};  // Whether a wait that may be long is to end.

}  // namespace

ObjectPtr SessionCore::put(EncodedValue value) {
  if (!value.refs.empty()) {
    auto object = object_with_refs(std::move(value));
    await_refs(object);
    return object;
  }
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

/// Large ones are put, unless they are to travel inside, and those with Refs begin to wait for these.
std::vector<RawArgument> SessionCore::take_arguments(std::vector<RawArgument> arguments, bool travel_inside) {
  for (auto& argument : arguments) {
    if (const auto* object = std::get_if<ObjectPtr>(&argument)) {
      if ((*object)->awaits_refs) await_refs(*object);
      continue;
    }
    auto& value = std::get<Bytes>(argument);
    if (travel_inside || value.size() <= small_value_bytes || !options_.objects) continue;
    argument = put({std::move(value)});
  }
  return arguments;
}

// --- values with Refs in them ----------------------------------------------------------------------------------------

/// Of a value that was just made.
void SessionCore::await_refs(const ObjectPtr& object) {
  object->awaits_refs = false;
  auto around = carry({object->inside->around}, options_.objects.get(), ObjectClient::For::self);
  const std::lock_guard lock(mutex_);
  if (!around)
    return settle_without_refs(*object, {around.error().fault, object->name(), {}, 0, around.error().message});
  object->inside->around = std::move(around->bytes);
  object->hold = std::move(around->hold);
  measure(*object->inside);
  if (std::string flaw = flaw_of(*object->inside); !flaw.empty())
    return settle_without_refs(*object, {Fault::bad_input, object->name(), {}, 0, std::move(flaw)});
  gather_refs(object);
}

/// It names nothing any more: a line of values that failed one after another is no longer kept.
void SessionCore::settle_without_refs(Object& object, Failure failure) {
  object.outcome = std::move(failure);
  object.inside.reset();
  object.hold.reset();
  is_settled(object);
}

/// It is there when all that its Refs name is; where one of these has failed, so has it.
void SessionCore::gather_refs(const ObjectPtr& object) {
  RefsInside& inside = *object->inside;
  for (; inside.there < inside.refs.size(); ++inside.there) {
    Object& ref = *inside.refs[inside.there];
    if (!ref.is_ready()) return ref.waits_for_this.push_back(object);
    if (std::holds_alternative<Failure>(ref.outcome)) {
      return settle_without_refs(*object, failure_of_ref(object->name(), ref));
    }
  }
  CarriedWithRefs whole{inside.around, {}};
  inside.losses = losses_of_refs(*object);
  for (const auto& ref : inside.refs) {
    const auto* bytes = std::get_if<Bytes>(&ref->outcome);
    if (bytes == nullptr) {  // It was there, and is made again.
      inside.there = 0;
      return gather_refs(object);
    }
    whole.refs.push_back(*bytes);
    object->told_in_epoch = std::max(object->told_in_epoch, ref->told_in_epoch);
  }
  if (std::string flaw = flaw_of(whole); !flaw.empty())
    return settle_without_refs(*object, {Fault::bad_input, object->name(), {}, 0, std::move(flaw)});
  object->outcome = to_bytes(whole);
  is_settled(*object);
}

void SessionCore::is_settled(Object& object) {
  has_news_ = true;
  for (const auto& waiting : std::exchange(object.waits_for_this, {}))
    if (const auto other = waiting.lock(); other && !other->is_ready()) gather_refs(other);
}

bool SessionCore::wait(std::span<const ObjectPtr> objects, std::size_t count, Clock::time_point deadline) {
  count = std::min(count, objects.size());
  return waits_.wait(deadline, [&](Clock::time_point until) { return wait_until(objects, count, until); });
}

bool SessionCore::wait_until(std::span<const ObjectPtr> objects, std::size_t count, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  // The first so many are ready. Where all are wanted, each of a long list is looked at once.
  std::size_t ready_ahead = 0;
  const auto are_there = [&] {
    while (ready_ahead < objects.size() && objects[ready_ahead]->is_ready()) ++ready_ahead;
    if (ready_ahead >= count || count == objects.size()) return ready_ahead >= count;
    const auto rest = objects.subspan(ready_ahead);
    const auto is_ready = [](const ObjectPtr& object) { return object->is_ready(); };
    return ready_ahead + static_cast<std::size_t>(std::count_if(rest.begin(), rest.end(), is_ready)) >= count;
  };
  if (are_there()) return true;
  if (unanswered_ > 0 && take_answers_until(lock, are_there, deadline)) return true;
  ++parked_;
  watch_rings();
  const auto began = Clock::now();
  // Who only looks, again and again, leaves the talking to the session's thread.
  const bool talks = was_short_ && began < deadline;
  if (!talks && !is_talking_) turn_is_free_.notify_one();
  const bool there = talks ? talk_until(lock, are_there, deadline) : changed_.wait_until(lock, deadline, are_there);
  was_short_ = Clock::now() - began < longest_short_wait;
  --parked_;
  return there;
}

std::variant<Bytes, Failure> SessionCore::await_outcome(const ObjectPtr& object, const std::stop_token& stop) {
  const LongWaits::Scope one_wait(waits_);
  const ObjectPtr objects[] = {object};
  for (;;) {
    wait(objects, 1, Clock::now() + between_looks);
    if (stop.stop_requested()) return Failure{Fault::cancelled, object->name(), {}, 0, "cancelled"};
    const std::lock_guard lock(mutex_);
    if (const auto* failure = std::get_if<Failure>(&object->outcome)) return *failure;
    if (const auto* bytes = std::get_if<Bytes>(&object->outcome)) return *bytes;
  }
}

ObjectPtr SessionCore::receive(std::string name, Bytes bytes) {
  auto object = make_object(std::move(name), std::nullopt);
  object->outcome = std::move(bytes);
  take_in(*object, options_.objects.get(), true);
  return object;
}

/// What was left for this process lies in stores no longer than it is wanted.
void SessionCore::let_go(Bytes bytes) { receive({}, std::move(bytes)); }

bool SessionCore::is_lost(const Object& object) {
  return (object.hold && object.hold->is_lost()) || has_lost_ref(object);
}

/// Of their stores it is enough what the last heartbeat heard: there may be very many Refs.
bool SessionCore::has_lost_ref(const Object& object) {
  if (!object.inside) return false;
  if (object.is_ready() && object.inside->losses != losses_of_refs(object)) return true;
  return std::any_of(object.inside->refs.begin(), object.inside->refs.end(),
                     [](const auto& ref) { return (ref->hold && ref->hold->is_known_lost()) || has_lost_ref(*ref); });
}

std::uint32_t SessionCore::losses_of_refs(const Object& object) {
  std::uint32_t losses = 0;
  for (const auto& ref : object.inside->refs) losses += ref->losses;
  return losses;
}

// --- their bytes -----------------------------------------------------------------------------------------------------

std::variant<Payload, Failure> SessionCore::value_of(const ObjectPtr& object, Clock::time_point deadline) {
  if (object == nullptr) return Failure{Fault::bad_input, "", {}, 0, "an empty Ref names no value"};
  const LongWaits::Scope one_wait(waits_);
  const ObjectPtr objects[] = {object};
  for (;;) {
    if (!wait(objects, 1, deadline)) return Failure{Fault::timed_out, object->name(), {}, 0, "it is not there yet"};
    Bytes name;
    Handed handed;
    {
      const std::lock_guard lock(mutex_);
      if (const auto* failure = std::get_if<Failure>(&object->outcome)) return *failure;
      const auto* found = std::get_if<Bytes>(&object->outcome);
      if (found == nullptr) continue;                                // It is being made again.
      if (!lies_elsewhere(*found)) return Payload{*found, nullptr};  // It stays.
      name = *found;
      if (object->inside) handed.assign(object->inside->refs.begin(), object->inside->refs.end());
      if (!stored_object_from(around_refs(name))) {
        const auto kept = std::make_shared<const Bytes>(around_refs(name));
        return Payload{*kept, kept, std::move(handed)};
      }
    }
    auto payload = fetch(name, options_.objects.get(), std::move(handed));
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
    if (!part && has_value) let_go(std::move((*values)[i]));
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

void SessionCore::take_items_of(const ObjectPtr& call) {
  const std::lock_guard lock(mutex_);
  call->comes_in_items = true;
  take_items(*call);
}

void SessionCore::take_items(Object& call) {
  const auto* bytes = std::get_if<Bytes>(&call.outcome);
  if (bytes == nullptr) return;
  auto values = decode<std::vector<Bytes>>(*bytes, value_limits);
  if (!values || values->empty()) {
    call.outcome =
        Failure{Fault::corrupt, call.name(), {}, 0, "it is answered with something else than a value and results"};
    return;
  }
  for (std::size_t i = 1; i < values->size(); ++i) call.items.push_back(receive(call.name(), std::move((*values)[i])));
  call.outcome = std::move(values->front());
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
  if (!object->recipe && has_lost_ref(*object)) return make_refs_again(object);
  object->hold.reset();
  object->inside.reset();
  object->lies_on = {};
  ++object->losses;
  const auto recipe = object->recipe;
  if (!recipe || recipe->runs_left == 0 || !lost_.empty()) {
    const char* why = recipe ? "it was lost with its node, again and again"
                             : "it was lost with its node, and only results of tasks can be made again";
    object->outcome = Failure{Fault::peer_lost, object->name(), {}, 0, why};
    is_settled(*object);
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
    task.arguments.emplace_back(object_of(std::get<Recipe::Ingredient>(argument)));
  }
  give_again(std::move(task), object);
}

/// Where nobody else wants it any more, it is made for this one alone.
ObjectPtr SessionCore::object_of(const Recipe::Ingredient& ingredient) {
  if (ingredient.kept) return ingredient.kept;
  if (auto object = ingredient.object.lock()) return object;
  if (ingredient.recipe) {
    auto object = std::make_shared<Object>(ingredient.recipe->spec.name, std::nullopt);
    object->recipe = ingredient.recipe;
    make_again(object);
    return object;
  }
  auto object = std::make_shared<Object>(name_of_value_with_refs, std::nullopt);
  object->hold = ingredient.around->hold;
  object->inside = std::make_unique<RefsInside>();
  object->inside->around = ingredient.around->bytes;
  for (const auto& ref : ingredient.refs) object->inside->refs.push_back(object_of(ref));
  measure(*object->inside);
  gather_refs(object);
  return object;
}

/// Those of its Refs' values that were lost.
void SessionCore::make_refs_again(ObjectPtr object) {
  ++object->losses;
  object->outcome = std::monostate();
  object->inside->there = 0;
  const auto refs = object->inside->refs;  // It may fail, and let go of them, with the first that cannot be had again.
  for (const auto& ref : refs)
    if (is_lost(*ref)) make_again(ref);
  if (!object->is_ready()) gather_refs(object);
  changed_.notify_all();
  wake();
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
