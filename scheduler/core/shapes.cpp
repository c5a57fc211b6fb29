#include "scheduler/core/shapes.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_candidates = 8;  // beyond it the index is faster

}  // namespace

bool ShapeTable::Key::operator<(const Key& other) const {
  const auto fields = [](const Key& key) {
    return std::tie(key.needs.cpus, key.needs.gpus, key.needs.memory_bytes, key.needs.gpu_memory_bytes, key.needs.named,
                    key.needs.labels, key.spreads);
  };
  return fields(*this) < fields(other);
}

ShapeIndex ShapeTable::add(const Resources& needs, bool spreads) {
  const auto [place, is_new] = by_needs_.try_emplace(Key{needs, spreads});
  if (is_new) {
    if (free_.empty()) {
      place->second = static_cast<ShapeIndex>(shapes_.size());
      shapes_.emplace_back();
      least_.emplace_back();
    } else {
      place->second = free_.back();
      free_.pop_back();
    }
    shapes_[place->second] = Shape{.needs = needs, .spreads = spreads};
    least_[place->second] = {needs.gpus, needs.cpus, needs.memory_bytes};
  }
  ++shapes_[place->second].tasks;
  return place->second;
}

void ShapeTable::drop(ShapeIndex index) {
  Shape& shape = shapes_[index];
  if (--shape.tasks > 0) return;
  TROUPE_CHECK(shape.waiting == 0, "what waits for a shape has it");
  by_needs_.erase(Key{shape.needs, shape.spreads});
  free_.push_back(index);
}

Shape* ShapeTable::find(const Resources& needs, bool spreads) {
  const auto found = by_needs_.find(Key{needs, spreads});
  return found == by_needs_.end() ? nullptr : &shapes_[found->second];
}

void ShapeTable::enter_line(ShapeIndex index, Time now) {
  Shape& shape = shapes_[index];
  if (shape.waiting++ > 0) return;
  shape.served = now;
  waiting_.set(index);
  note_open(index);
}

void ShapeTable::leave_line(ShapeIndex index) {
  Shape& shape = shapes_[index];
  TROUPE_CHECK(shape.waiting > 0, "only what stands in line leaves it");
  if (--shape.waiting > 0) return;
  // From here on nobody keeps the candidates up to date.
  shape.is_wide = true;
  shape.candidates.clear();
  waiting_.clear(index);
  open_.clear(index);
}

void ShapeTable::narrow(ShapeIndex index, std::vector<NodeSpace> candidates) {
  shapes_[index].is_wide = false;
  shapes_[index].candidates = std::move(candidates);
  note_open(index);
}

void ShapeTable::widen(ShapeIndex index) {
  shapes_[index].is_wide = true;
  shapes_[index].candidates.clear();
  note_open(index);
}

void ShapeTable::offer(const NodeSpace& space) {
  const Room room = space.room();
  const auto may_fit = [&](std::size_t index) -> bool {  // without a branch: each would be mispredicted half the time
    const Room& least = least_[index];
    return (least.gpus <= room.gpus) & (least.cpus <= room.cpus) & (least.memory_bytes <= room.memory_bytes);
  };
  waiting_.for_each_that(may_fit, [&](std::size_t index) {
    Shape& shape = shapes_[index];
    if (!space.has_room(shape.needs)) return;
    gained_.set(index);
    if (shape.is_wide) return;
    const auto is_it = [&](const NodeSpace& each) { return each.node == space.node; };
    if (std::any_of(shape.candidates.begin(), shape.candidates.end(), is_it)) return;
    if (shape.candidates.size() == most_candidates) return widen(static_cast<ShapeIndex>(index));
    shape.candidates.push_back(space);
    open_.set(index);
  });
}

void ShapeTable::recheck(const NodeSpace& space) {
  open_.for_each([&](std::size_t index) {
    Shape& shape = shapes_[index];
    if (shape.is_wide) return;
    const auto is_it = [&](const NodeSpace& each) { return each.node == space.node; };
    const auto place = std::find_if(shape.candidates.begin(), shape.candidates.end(), is_it);
    if (place == shape.candidates.end() || space.has_room(shape.needs)) return;
    shape.candidates.erase(place);
    note_open(static_cast<ShapeIndex>(index));
  });
}

void ShapeTable::withdraw(NodeId node) {
  waiting_.for_each([&](std::size_t index) {
    std::erase_if(shapes_[index].candidates, [&](const NodeSpace& each) { return each.node == node; });
    note_open(static_cast<ShapeIndex>(index));
  });
}

void ShapeTable::note_open(ShapeIndex index) {
  if (shapes_[index].waiting > 0 && is_open(index)) {
    open_.set(index);
  } else {
    open_.clear(index);
  }
}

}  // namespace troupe::scheduler
