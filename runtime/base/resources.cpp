#include "runtime/base/resources.h"

#include <algorithm>
#include <set>

#include "runtime/base/check.h"
#include "runtime/base/planted.h"

namespace troupe {
namespace {

constexpr Milli one = 1000;

template <class Pairs>
auto find_named(Pairs& pairs, const std::string& name) {
  return std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
}

bool carries(const Labels& have, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& label) { return std::find(have.begin(), have.end(), label) != have.end(); });
}

/// How many devices the need takes a share of.
Milli devices_of(const Resources& needs) { return needs.gpus <= one ? 1 : needs.gpus / one; }

std::string amount_text(Milli amount) {
  std::string text = std::to_string(amount / one);
  if (amount % one == 0) return text;
  std::string decimals = std::to_string(one + amount % one).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + '.' + decimals;
}

/// The first that is negative, or does not come behind the one before it.
std::string flaw_of_named(const NamedAmounts& named) {
  const std::string* before = nullptr;
  for (const auto& [name, amount] : named) {
    if (amount < 0) return "'" + name + "' is negative";
    if (before != nullptr && *before == name) return "'" + name + "' is there twice";
    if (before != nullptr && *before > name) return "'" + name + "' is not where it stands in the order of names";
    before = &name;
  }
  return {};
}

void append(std::string& text, const std::string& part) { text += (text.empty() ? "" : ", ") + part; }

}  // namespace

NodeLedger::NodeLedger(NodeCapacity capacity, Planted planted)
    : NodeLedger(std::make_shared<const NodeCapacity>(std::move(capacity)), planted) {}

NodeLedger NodeLedger::emptied() const { return {capacity_, planted_}; }

NodeLedger::NodeLedger(std::shared_ptr<const NodeCapacity> capacity, Planted planted)
    : capacity_(std::move(capacity)),
      free_cpus_(capacity_->cpus),
      free_memory_bytes_(capacity_->memory_bytes),
      planted_(planted) {
  for (const auto& gpu : capacity_->gpus) devices_.push_back({gpu.index, planted, one, gpu.memory_bytes});
  for (const auto& [name, amount] : capacity_->named) free_named_.push_back(amount);
  free_gpus_ = static_cast<Milli>(devices_.size()) * one;
}

bool NodeLedger::fits_besides_gpus(const Resources& needs) const {
  if (needs.cpus > free_cpus_ || needs.memory_bytes > free_memory_bytes_) return false;
  if (!needs.labels.empty() && planted_ != Planted::labels_ignored && !carries(capacity_->labels, needs.labels))
    return false;
  for (const auto& [name, amount] : needs.named) {
    const auto have = find_named(capacity_->named, name);
    if (have == capacity_->named.end()) return false;
    if (amount > free_named_[static_cast<std::size_t>(have - capacity_->named.begin())]) return false;
  }
  return true;
}

bool NodeLedger::fits(const Resources& needs) const {
  return needs.gpus <= free_gpus_ && fits_besides_gpus(needs) && fits_devices(needs);
}

std::optional<Grant> NodeLedger::grant_for(const Resources& needs) const {
  if (!fits(needs)) return std::nullopt;
  return Grant{needs.cpus, needs.memory_bytes, pick_devices(needs), needs.named};
}

std::optional<Grant> NodeLedger::take(const Resources& needs) {
  auto grant = grant_for(needs);
  if (grant) book(*grant);
  return grant;
}

template <class Devices>
auto NodeLedger::find_device(Devices& devices, std::uint32_t index) {
  return std::find_if(devices.begin(), devices.end(), [&](const Device& device) { return device.index == index; });
}

bool NodeLedger::fits_exactly(const Grant& grant) const {
  if (!fits_besides_gpus({.cpus = grant.cpus, .memory_bytes = grant.memory_bytes, .named = grant.named})) return false;
  return std::all_of(grant.gpus.begin(), grant.gpus.end(), [this](const GpuShare& share) {
    const auto device = find_device(devices_, share.index);
    return device != devices_.end() && device->has_room(share.amount, share.memory_bytes);
  });
}

bool NodeLedger::take_exactly(const Grant& grant) {
  if (!fits_exactly(grant)) return false;
  book(grant);
  return true;
}

void NodeLedger::book(const Grant& grant) {
  free_cpus_ -= grant.cpus;
  free_memory_bytes_ -= grant.memory_bytes;
  for (const auto& [name, amount] : grant.named) {
    const auto have = find_named(capacity_->named, name);
    free_named_[static_cast<std::size_t>(have - capacity_->named.begin())] -= amount;
  }
  for (const auto& share : grant.gpus) {
    const auto device = find_device(devices_, share.index);
    TROUPE_CHECK(device != devices_.end(), "a grant names devices of its node");
    device->free -= share.amount;
    device->free_memory_bytes -= share.memory_bytes;
    free_gpus_ -= share.amount;
  }
}

void NodeLedger::give_back(const Grant& grant) {
  free_cpus_ += grant.cpus;
  free_memory_bytes_ += grant.memory_bytes;
  TROUPE_CHECK(free_cpus_ <= capacity_->cpus && free_memory_bytes_ <= capacity_->memory_bytes,
               "nothing is given back twice");
  for (const auto& [name, amount] : grant.named) {
    const auto have = find_named(capacity_->named, name);
    TROUPE_CHECK(have != capacity_->named.end(), "what is given back was taken here");
    Milli& free = free_named_[static_cast<std::size_t>(have - capacity_->named.begin())];
    free += amount;
    TROUPE_CHECK(free <= have->second, "nothing is given back twice");
  }
  for (const auto& share : grant.gpus) {
    const auto device = find_device(devices_, share.index);
    TROUPE_CHECK(device != devices_.end(), "what is given back was taken here");
    device->free += share.amount;
    device->free_memory_bytes += share.memory_bytes;
    free_gpus_ += share.amount;
    TROUPE_CHECK(device->free <= one, "nothing is given back twice");
  }
}

bool NodeLedger::is_idle() const {
  return free_cpus_ == capacity_->cpus && free_memory_bytes_ == capacity_->memory_bytes &&
         free_gpus_ == static_cast<Milli>(devices_.size()) * one;
}

bool NodeLedger::Device::has_room(Milli amount, std::int64_t memory_bytes) const {
  const bool is_free = free >= amount || planted == Planted::gpu_shares_summed_over_devices;
  return is_free && free_memory_bytes >= memory_bytes;
}

bool NodeLedger::Device::has_room(const Resources& needs) const {
  return has_room(std::min(needs.gpus, one), needs.gpu_memory_bytes);
}

bool NodeLedger::fits_devices(const Resources& needs) const {
  if (needs.gpus == 0) return true;
  Milli missing = devices_of(needs);
  for (std::size_t i = 0; i < devices_.size() && missing > 0; ++i)
    if (devices_[i].has_room(needs)) --missing;
  return missing == 0;
}

/// Best fit: the fullest devices that still have room; ties go to the lower index. Requires: they fit.
std::vector<GpuShare> NodeLedger::pick_devices(const Resources& needs) const {
  std::vector<GpuShare> picked;
  if (needs.gpus == 0) return picked;
  const auto count = static_cast<std::size_t>(devices_of(needs));
  picked.reserve(count);
  // From the fullest kind of device to the emptiest; a node has few devices.
  for (Milli above = -1; picked.size() < count;) {
    Milli fullest = one;
    for (const Device& device : devices_)
      if (device.free > above && device.has_room(needs)) fullest = std::min(fullest, device.free);
    for (const Device& device : devices_)
      if (picked.size() < count && device.free == fullest && device.has_room(needs))
        picked.push_back({device.index, std::min(needs.gpus, one), needs.gpu_memory_bytes});
    above = fullest;
  }
  return picked;
}

std::string flaw_of(const Resources& needs) {
  if (needs.cpus < 0 || needs.gpus < 0 || needs.memory_bytes < 0 || needs.gpu_memory_bytes < 0)
    return "a need is negative";
  if (needs.gpus > one && needs.gpus % one != 0)
    return "gpus is " + amount_text(needs.gpus) + ": expected at most 1, or a whole number";
  if (needs.gpu_memory_bytes > 0 && needs.gpus == 0) return "there is gpu_memory and no gpus: say of how many gpus";
  const std::string flaw = flaw_of_named(needs.named);
  return flaw.empty() ? flaw : "need " + flaw;
}

std::string flaw_of(const NodeCapacity& capacity) {
  if (capacity.cpus < 0 || capacity.memory_bytes < 0) return "its capacity is negative";
  std::set<std::uint32_t> devices;
  for (const auto& gpu : capacity.gpus) {
    if (gpu.memory_bytes < 0) return "a gpu's memory is negative";
    if (!devices.insert(gpu.index).second) return "gpu " + std::to_string(gpu.index) + " is there twice";
  }
  return flaw_of_named(capacity.named);
}

std::string flaw_of(const Grant& grant) {
  if (grant.cpus < 0 || grant.memory_bytes < 0) return "a grant is negative";
  std::set<std::uint32_t> devices;
  for (const auto& share : grant.gpus) {
    if (share.amount < 0 || share.memory_bytes < 0) return "a grant is negative";
    if (!devices.insert(share.index).second) return "a grant has gpu " + std::to_string(share.index) + " twice";
  }
  const std::string flaw = flaw_of_named(grant.named);
  return flaw.empty() ? flaw : "a grant of " + flaw;
}

std::string describe(const Resources& needs) {
  std::string text;
  if (needs.cpus != 0) append(text, amount_text(needs.cpus) + " cpus");
  if (needs.gpus != 0) append(text, amount_text(needs.gpus) + " gpus");
  if (needs.gpu_memory_bytes != 0) append(text, std::to_string(needs.gpu_memory_bytes >> 20) + " MiB on each gpu");
  if (needs.memory_bytes != 0) append(text, std::to_string(needs.memory_bytes >> 20) + " MiB");
  for (const auto& [name, amount] : needs.named) append(text, amount_text(amount) + ' ' + name);
  for (const auto& [name, value] : needs.labels) append(text, name + '=' + value);
  return text.empty() ? "nothing" : text;
}

std::string NodeLedger::describe_free(const Resources& needs) const {
  const auto of = [](Milli free, Milli need, const std::string& what) {
    return amount_text(free) + " of " + amount_text(need) + ' ' + what;
  };
  std::string text;
  if (needs.cpus != 0) append(text, of(free_cpus_, needs.cpus, "cpus"));
  if (needs.gpus != 0) append(text, of(free_gpus_, needs.gpus, "gpus"));
  if (needs.gpus != 0 && free_gpus_ >= needs.gpus && !fits_devices(needs)) text += " in parts that are too small";
  if (needs.memory_bytes != 0)
    append(text, std::to_string(free_memory_bytes_ >> 20) + " of " + std::to_string(needs.memory_bytes >> 20) + " MiB");
  for (const auto& [name, amount] : needs.named)
    for (std::size_t i = 0; i < capacity_->named.size(); ++i)
      if (capacity_->named.begin()[i].first == name) append(text, of(free_named_[i], amount, name));
  return text;
}

std::string describe(const NodeCapacity& capacity) {
  std::string text = amount_text(capacity.cpus) + " cpus";
  const std::int64_t gpu_memory = capacity.gpus.empty() ? 0 : capacity.gpus.front().memory_bytes;
  append(text, std::to_string(capacity.gpus.size()) + " gpus" +
                   (gpu_memory == 0 ? "" : " of " + std::to_string(gpu_memory >> 20) + " MiB"));
  append(text, std::to_string(capacity.memory_bytes >> 20) + " MiB");
  for (const auto& [name, amount] : capacity.named) append(text, amount_text(amount) + ' ' + name);
  for (const auto& [name, value] : capacity.labels)
    if (name != node_label) append(text, name + '=' + value);  // Who says what it has names it.
  return text;
}

}  // namespace troupe
