#include "nn/parallel/gang_segment.h"

#include <algorithm>

#include "nn/parallel/slot_accumulator.h"

namespace troupe::nn {

namespace {

constexpr std::size_t line = 64;

std::size_t buffers_of(const Mesh& mesh, std::size_t rank) {
  return SlotAccumulator::buffers_needed(mesh.slots_of(mesh.replica_of(rank)));
}

}  // namespace

bool GangHeader::stop(std::size_t culprit, const Error& cause) {
  std::uint32_t state = none;
  if (!failure.compare_exchange_strong(state, being_written)) return false;
  fault = static_cast<std::uint32_t>(cause.fault);
  failed_rank = static_cast<std::uint32_t>(culprit);
  const std::size_t length = std::min(cause.message.size(), message.size() - 1);
  std::copy_n(cause.message.begin(), length, message.begin());
  message[length] = 0;
  failure.store(there);
  return true;
}

std::size_t GangSegment::take(std::size_t bytes) {
  const std::size_t place = end_;
  end_ += (bytes + line - 1) / line * line;
  return place;
}

GangSegment::GangSegment(const Mesh& mesh, std::span<std::byte> memory) : mesh_(mesh), memory_(memory) {
  take(sizeof(GangHeader));
  ranks_ = take(sizeof(RankState) * mesh.world());
  for (std::size_t rank = 0; rank < mesh.world(); ++rank) {
    losses_.push_back(take(sizeof(LossSum) * mesh.slots_of(mesh.replica_of(rank)).size()));
  }
  if (mesh.replicas > 1) {
    for (std::size_t rank = 0; rank < mesh.world(); ++rank) {
      const std::size_t stride = buffer_stride(mesh.parameters[mesh.stage_of(rank)]);
      storage_.push_back(take(sizeof(float) * stride * buffers_of(mesh, rank)));
    }
    for (std::size_t stage = 0; stage < mesh.stages; ++stage) {
      totals_.push_back(take(sizeof(float) * mesh.parameters[stage]));
    }
  }
  channels_ = take(sizeof(BorderChannel) * channel_count());
  for (const std::size_t elements : mesh.border_elements) {
    channel_data_.push_back(take(sizeof(float) * buffer_stride(elements) * mesh.slots * 2));
  }
  TROUPE_CHECK(memory.empty() || memory.size() >= end_, "a segment as large as the mesh needs");
}

std::span<LossSum> GangSegment::losses(std::size_t rank) const {
  return {at<LossSum>(losses_[rank]), mesh_.slots_of(mesh_.replica_of(rank)).size()};
}

std::span<float> GangSegment::storage(std::size_t rank) const {
  if (storage_.empty()) return {};
  const std::size_t stride = buffer_stride(mesh_.parameters[mesh_.stage_of(rank)]);
  return {at<float>(storage_[rank]), stride * buffers_of(mesh_, rank)};
}

std::span<float> GangSegment::total(std::size_t stage) const {
  if (totals_.empty()) return {};
  return {at<float>(totals_[stage]), mesh_.parameters[stage]};
}

std::size_t GangSegment::channel_index(const Place& place) const {
  // A slot belongs to one replica, so the slot's number is enough.
  TROUPE_CHECK(mesh_.slots_of(place.replica).contains(place.slot), "a slot that this replica holds");
  TROUPE_CHECK(place.border + 1 < mesh_.stages, "a border between two stages");
  return (place.border * mesh_.slots + place.slot) * 2 + static_cast<std::size_t>(place.flow);
}

std::span<float> GangSegment::channel_data(const Place& place) const {
  const std::size_t elements = mesh_.border_elements[place.border];
  const std::size_t buffer = place.slot * 2 + static_cast<std::size_t>(place.flow);
  return {at<float>(channel_data_[place.border]) + buffer * buffer_stride(elements), elements};
}

void GangSegment::wake_all() const {
  const auto wake = [](SharedFlag& flag) {
    if (flag.sleepers.load() != 0) flag.wake();
  };
  for (std::size_t number = 0; number < mesh_.world(); ++number) {
    RankState& state = rank(number);
    for (SharedFlag* flag : {&state.presence, &state.arrived, &state.summed, &state.barriers}) wake(*flag);
  }
  for (std::size_t index = 0; index < channel_count(); ++index) {
    BorderChannel& channel = at<BorderChannel>(channels_)[index];
    wake(channel.sent);
    wake(channel.released);
  }
}

const SharedFlag* GangSegment::flag_at(std::uint64_t place) const {
  if (place % alignof(SharedFlag) != 0 || place > end_ - sizeof(SharedFlag)) return nullptr;
  return at<SharedFlag>(place);
}

}  // namespace troupe::nn
