#include "scheduler/sync/barriers.h"

#include <algorithm>

namespace troupe::scheduler {

const Barriers::Barrier* Barriers::find(const std::string& name) const {
  const auto found = barriers_.find(name);
  return found == barriers_.end() ? nullptr : &found->second;
}

std::uint64_t Barriers::round_after(const std::string& name, std::uint64_t passed) const {
  const Barrier* barrier = find(name);
  return 1 + std::max(passed, barrier == nullptr ? 0 : barrier->passed);
}

std::vector<sync::Token> Barriers::release(std::map<std::string, Barrier>::iterator barrier) {
  std::vector<sync::Token> all(barrier->second.waiting.begin(), barrier->second.waiting.end());
  barrier->second.waiting.clear();
  if (!keeps_unused_) barriers_.erase(barrier);
  return all;
}

void Barriers::forget_unused() {
  keeps_unused_ = false;
  std::erase_if(barriers_, [](const auto& each) { return each.second.waiting.empty(); });
}

std::vector<sync::Token> Barriers::learn(const std::string& name, std::uint64_t passed) {
  auto found = barriers_.find(name);
  if (found == barriers_.end() && keeps_unused_) found = barriers_.emplace(name, Barrier{}).first;
  if (found == barriers_.end() || passed <= found->second.passed) return {};
  found->second.passed = passed;
  return release(found);
}

std::vector<sync::Token> Barriers::arrive(const std::string& name, std::uint32_t parties, std::uint64_t passed,
                                          sync::Token token) {
  const auto found = barriers_.try_emplace(name).first;
  Barrier& barrier = found->second;
  if (barrier.waiting.empty()) {
    barrier.parties = parties;
    barrier.passed = passed;
  }
  barrier.waiting.insert(token);
  if (barrier.waiting.size() < barrier.parties) return {};
  ++barrier.passed;
  return release(found);
}

void Barriers::leave(const std::string& name, sync::Token token) {
  const auto found = barriers_.find(name);
  if (found == barriers_.end()) return;
  found->second.waiting.erase(token);
  if (found->second.waiting.empty() && !keeps_unused_) barriers_.erase(found);
}

}  // namespace troupe::scheduler
