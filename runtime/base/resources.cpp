#include "runtime/base/resources.h"

#include <algorithm>

#include "runtime/base/check.h"

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

void append(std::string& text, const std::string& part) { text += (text.empty() ? "" : ", ") + part; }

}  // namespace

NodeLedger::NodeLedger(NodeCapacity capacity) : NodeLedger(std::make_shared<const NodeCapacity>(std::move(capacity))) {}

NodeLedger NodeLedger::emptied() const { return NodeLedger(capacity_); }

NodeLedger::NodeLedger(std::shared_ptr<const NodeCapacity> capacity) : capacity_(std::move(capacity)) {
  for (const auto& device : capacity_->gpus) used_.gpus.push_back({.index = device.index});
  for (const auto& [name, amount] : capacity_->named) used_.named.emplace_back(name, 0);
  free_gpus_ = static_cast<Milli>(capacity_->gpus.size()) * one;
}

bool NodeLedger::fits_besides_gpus(const Resources& needs) const {
  if (needs.cpus > free_cpus() || needs.memory_bytes > free_memory_bytes()) return false;
  if (!needs.labels.empty() && !carries(capacity_->labels, needs.labels)) return false;
  for (const auto& [name, amount] : needs.named) {
    const auto have = find_named(capacity_->named, name);
    if (have == capacity_->named.end()) return false;
    if (find_named(used_.named, name)->second + amount > have->second) return false;
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

bool NodeLedger::fits_exactly(const Grant& grant) const {
  if (!fits_besides_gpus({.cpus = grant.cpus, .memory_bytes = grant.memory_bytes, .named = grant.named})) return false;
  return std::all_of(grant.gpus.begin(), grant.gpus.end(), [this](const GpuShare& share) {
    for (std::size_t i = 0; i < capacity_->gpus.size(); ++i) {
      if (capacity_->gpus[i].index == share.index)
        return has_room(i, {.gpus = share.amount, .gpu_memory_bytes = share.memory_bytes});
    }
    return false;
  });
}

bool NodeLedger::take_exactly(const Grant& grant) {
  if (!fits_exactly(grant)) return false;
  book(grant);
  return true;
}

void NodeLedger::book(const Grant& grant) {
  used_.cpus += grant.cpus;
  used_.memory_bytes += grant.memory_bytes;
  for (const auto& [name, amount] : grant.named) find_named(used_.named, name)->second += amount;
  for (const auto& share : grant.gpus) {
    const auto used = std::find_if(used_.gpus.begin(), used_.gpus.end(),
                                   [&](const GpuShare& each) { return each.index == share.index; });
    TROUPE_CHECK(used != used_.gpus.end(), "a grant names devices of its node");
    used->amount += share.amount;
    used->memory_bytes += share.memory_bytes;
    free_gpus_ -= share.amount;
  }
}

void NodeLedger::give_back(const Grant& grant) {
  used_.cpus -= grant.cpus;
  used_.memory_bytes -= grant.memory_bytes;
  TROUPE_CHECK(used_.cpus >= 0 && used_.memory_bytes >= 0, "nothing is given back twice");
  for (const auto& [name, amount] : grant.named) {
    const auto used = find_named(used_.named, name);
    TROUPE_CHECK(used != used_.named.end() && used->second >= amount, "nothing is given back twice");
    used->second -= amount;
  }
  for (const auto& share : grant.gpus) {
    const auto used = std::find_if(used_.gpus.begin(), used_.gpus.end(),
                                   [&](const GpuShare& each) { return each.index == share.index; });
    TROUPE_CHECK(used != used_.gpus.end() && used->amount >= share.amount, "nothing is given back twice");
    used->amount -= share.amount;
    used->memory_bytes -= share.memory_bytes;
    free_gpus_ += share.amount;
  }
}

bool NodeLedger::could_ever_fit(const Resources& needs) const {
  if (needs.cpus > capacity_->cpus || needs.memory_bytes > capacity_->memory_bytes) return false;
  if (!carries(capacity_->labels, needs.labels)) return false;
  for (const auto& [name, amount] : needs.named) {
    const auto have = find_named(capacity_->named, name);
    if (have == capacity_->named.end() || amount > have->second) return false;
  }
  const Milli wanted = needs.gpus == 0 ? 0 : devices_of(needs);
  return std::count_if(capacity_->gpus.begin(), capacity_->gpus.end(), [&](const GpuDevice& device) {
           return device.memory_bytes >= needs.gpu_memory_bytes;
         }) >= wanted;
}

bool NodeLedger::is_idle() const {
  return used_.cpus == 0 && used_.memory_bytes == 0 &&
         std::all_of(used_.gpus.begin(), used_.gpus.end(), [](const GpuShare& used) { return used.amount == 0; });
}

bool NodeLedger::has_room(std::size_t device, const Resources& needs) const {
  const GpuShare& used = used_.gpus[device];
  return used.amount + std::min(needs.gpus, one) <= one &&
         used.memory_bytes + needs.gpu_memory_bytes <= capacity_->gpus[device].memory_bytes;
}

bool NodeLedger::fits_devices(const Resources& needs) const {
  if (needs.gpus == 0) return true;
  Milli missing = devices_of(needs);
  for (std::size_t i = 0; i < capacity_->gpus.size() && missing > 0; ++i)
    if (has_room(i, needs)) --missing;
  return missing == 0;
}

/// Best fit: the fullest devices that still have room; ties go to the lower index. Requires: they fit.
std::vector<GpuShare> NodeLedger::pick_devices(const Resources& needs) const {
  std::vector<GpuShare> picked;
  if (needs.gpus == 0) return picked;
  const auto count = static_cast<std::size_t>(devices_of(needs));
  picked.reserve(count);
  // From the fullest kind of device to the emptiest; a node has few devices.
  for (Milli below = one + 1; picked.size() < count;) {
    Milli fullest = -1;
    for (std::size_t i = 0; i < capacity_->gpus.size(); ++i)
      if (used_.gpus[i].amount < below && has_room(i, needs)) fullest = std::max(fullest, used_.gpus[i].amount);
    for (std::size_t i = 0; i < capacity_->gpus.size() && picked.size() < count; ++i)
      if (used_.gpus[i].amount == fullest && has_room(i, needs))
        picked.push_back({capacity_->gpus[i].index, std::min(needs.gpus, one), needs.gpu_memory_bytes});
    below = fullest;
  }
  return picked;
}

std::string flaw_of(const Resources& needs) {
  if (needs.cpus < 0 || needs.gpus < 0 || needs.memory_bytes < 0 || needs.gpu_memory_bytes < 0)
    return "a need is negative";
  if (needs.gpus > one && needs.gpus % one != 0)
    return "gpus is " + amount_text(needs.gpus) + ": expected at most 1, or a whole number";
  for (const auto& [name, amount] : needs.named)
    if (amount < 0) return "need '" + name + "' is negative";
  return {};
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

std::string describe(const NodeCapacity& capacity) {
  std::string text = amount_text(capacity.cpus) + " cpus";
  append(text, std::to_string(capacity.gpus.size()) + " gpus");
  append(text, std::to_string(capacity.memory_bytes >> 20) + " MiB");
  for (const auto& [name, amount] : capacity.named) append(text, amount_text(amount) + ' ' + name);
  for (const auto& [name, value] : capacity.labels) append(text, name + '=' + value);
  return text;
}

}  // namespace troupe
