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

std::string amount_text(Milli amount) {
  std::string text = std::to_string(amount / one);
  if (amount % one == 0) return text;
  std::string decimals = std::to_string(one + amount % one).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + '.' + decimals;
}

void append(std::string& text, const std::string& part) { text += (text.empty() ? "" : ", ") + part; }

}  // namespace

NodeLedger::NodeLedger(NodeCapacity capacity) : capacity_(std::move(capacity)) {
  for (const auto& device : capacity_.gpus) used_.gpus.push_back({.index = device.index});
  for (const auto& [name, amount] : capacity_.named) used_.named.emplace_back(name, 0);
}

bool NodeLedger::fits_besides_gpus(const Resources& needs) const {
  if (needs.cpus > free_cpus() || needs.memory_bytes > free_memory_bytes()) return false;
  if (!carries(capacity_.labels, needs.labels)) return false;
  for (const auto& [name, amount] : needs.named) {
    const auto have = find_named(capacity_.named, name);
    if (have == capacity_.named.end()) return false;
    if (find_named(used_.named, name)->second + amount > have->second) return false;
  }
  return true;
}

bool NodeLedger::fits(const Resources& needs) const {
  return fits_besides_gpus(needs) && (needs.gpus == 0 || pick_devices(needs).has_value());
}

std::optional<Grant> NodeLedger::take(const Resources& needs) {
  if (!fits_besides_gpus(needs)) return std::nullopt;
  auto devices = pick_devices(needs);
  if (!devices) return std::nullopt;
  Grant grant{needs.cpus, needs.memory_bytes, std::move(*devices), needs.named};
  book(grant);
  return grant;
}

bool NodeLedger::take_exactly(const Grant& grant) {
  if (!fits_besides_gpus({.cpus = grant.cpus, .memory_bytes = grant.memory_bytes, .named = grant.named})) return false;
  for (const auto& share : grant.gpus) {
    bool has_room = false;
    for (std::size_t i = 0; i < capacity_.gpus.size(); ++i) {
      if (capacity_.gpus[i].index != share.index) continue;
      has_room = used_.gpus[i].amount + share.amount <= one &&
                 used_.gpus[i].memory_bytes + share.memory_bytes <= capacity_.gpus[i].memory_bytes;
    }
    if (!has_room) return false;
  }
  book(grant);
  return true;
}

void NodeLedger::book(const Grant& grant) {
  used_.cpus += grant.cpus;
  used_.memory_bytes += grant.memory_bytes;
  for (const auto& [name, amount] : grant.named) find_named(used_.named, name)->second += amount;
  for (const auto& share : grant.gpus) {
    for (auto& used : used_.gpus) {
      if (used.index != share.index) continue;
      used.amount += share.amount;
      used.memory_bytes += share.memory_bytes;
    }
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
  }
}

bool NodeLedger::could_ever_fit(const Resources& needs) const {
  if (needs.cpus > capacity_.cpus || needs.memory_bytes > capacity_.memory_bytes) return false;
  if (!carries(capacity_.labels, needs.labels)) return false;
  for (const auto& [name, amount] : needs.named) {
    const auto have = find_named(capacity_.named, name);
    if (have == capacity_.named.end() || amount > have->second) return false;
  }
  const Milli wanted = needs.gpus == 0 ? 0 : std::max<Milli>(needs.gpus / one, 1);
  return std::count_if(capacity_.gpus.begin(), capacity_.gpus.end(), [&](const GpuDevice& device) {
           return device.memory_bytes >= needs.gpu_memory_bytes;
         }) >= wanted;
}

Milli NodeLedger::free_gpus() const {
  Milli sum = 0;
  for (const auto& used : used_.gpus) sum += one - used.amount;
  return sum;
}

bool NodeLedger::is_idle() const {
  return used_.cpus == 0 && used_.memory_bytes == 0 &&
         std::all_of(used_.gpus.begin(), used_.gpus.end(), [](const GpuShare& used) { return used.amount == 0; });
}

std::optional<std::vector<GpuShare>> NodeLedger::pick_devices(const Resources& needs) const {
  if (needs.gpus == 0) return std::vector<GpuShare>{};
  const Milli share = std::min(needs.gpus, one);
  const auto count = static_cast<std::size_t>(needs.gpus <= one ? 1 : needs.gpus / one);

  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < capacity_.gpus.size(); ++i) {
    const bool has_share = used_.gpus[i].amount + share <= one;
    const bool has_memory = used_.gpus[i].memory_bytes + needs.gpu_memory_bytes <= capacity_.gpus[i].memory_bytes;
    if (has_share && has_memory) fitting.push_back(i);
  }
  if (fitting.size() < count) return std::nullopt;
  // Best fit: the fullest device that still has room; ties go to the lower index.
  std::stable_sort(fitting.begin(), fitting.end(),
                   [&](std::size_t a, std::size_t b) { return used_.gpus[a].amount > used_.gpus[b].amount; });
  std::vector<GpuShare> picked;
  for (std::size_t i = 0; i < count; ++i)
    picked.push_back({capacity_.gpus[fitting[i]].index, share, needs.gpu_memory_bytes});
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
