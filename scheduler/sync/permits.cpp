#include "scheduler/sync/permits.h"

#include "runtime/base/check.h"

namespace troupe::scheduler {

const Permits::Pool* Permits::find(const std::string& name) const {
  const auto found = pools_.find(name);
  return found == pools_.end() ? nullptr : &found->second;
}

Permits::Pool& Permits::pool(const std::string& name, std::uint32_t capacity) {
  const auto [found, is_new] = pools_.try_emplace(name);
  if (is_new) found->second.capacity = found->second.free = capacity;
  return found->second;
}

void Permits::join(const std::string& name, std::uint32_t capacity, sync::Token token) {
  pool(name, capacity).waiting.insert(token);
}

bool Permits::has_room(const std::string& name, std::uint32_t capacity, std::uint32_t permits) const {
  const Pool* pool = find(name);
  if (pool == nullptr) return permits <= capacity;
  return pool->capacity == capacity && pool->waiting.empty() && permits <= pool->free;
}

void Permits::take(const std::string& name, std::uint32_t capacity, sync::Token token, std::uint32_t permits) {
  Pool& of = pool(name, capacity);
  TROUPE_CHECK(permits <= of.free, "permits are taken where they are free");
  of.free -= permits;
  of.holding.insert(token);
}

void Permits::leave(const std::string& name, sync::Token token, std::uint32_t permits) {
  const auto found = pools_.find(name);
  TROUPE_CHECK(found != pools_.end(), "who waits or holds is in a pool");
  Pool& of = found->second;
  if (of.holding.erase(token) == 1) of.free += permits;
  of.waiting.erase(token);
  TROUPE_CHECK(of.free <= of.capacity, "permits are given back once");
  if (of.holding.empty() && of.waiting.empty()) pools_.erase(found);
}

std::vector<sync::Token> Permits::admit(const std::string& name, const Claims& claims) {
  std::vector<sync::Token> admitted;
  const auto found = pools_.find(name);
  if (found == pools_.end()) return admitted;
  Pool& of = found->second;
  while (!of.waiting.empty()) {
    const sync::Token head = *of.waiting.begin();
    const std::uint32_t permits = claims.at(head).permits;
    if (permits > of.free) break;
    of.free -= permits;
    of.waiting.erase(of.waiting.begin());
    of.holding.insert(head);
    admitted.push_back(head);
  }
  return admitted;
}

}  // namespace troupe::scheduler
