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
  barriers_.erase(barrier);
  return all;
}

std::vector<sync::Token> Barriers::learn(const std::string& name, std::uint64_t passed) {
  const auto found = barriers_.find(name);
  if (found == barriers_.end() || passed <= found->second.passed) return {};
  return release(found);
}

std::vector<sync::Token> Barriers::arrive(const std::string& name, std::uint32_t parties, std::uint64_t passed,
                                          sync::Token token) {
  const auto [found, is_new] = barriers_.try_emplace(name);
  Barrier& barrier = found->second;
  if (is_new) barrier = {.parties = parties, .passed = passed, .waiting = {}};
  barrier.waiting.insert(token);
  return barrier.waiting.size() == barrier.parties ? release(found) : std::vector<sync::Token>{};
}

void Barriers::leave(const std::string& name, sync::Token token) {
  const auto found = barriers_.find(name);
  if (found == barriers_.end()) return;
  found->second.waiting.erase(token);
  if (found->second.waiting.empty()) barriers_.erase(found);
}

}  // namespace troupe::scheduler
