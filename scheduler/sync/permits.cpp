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

bool Permits::are_free(const std::string& name, std::uint32_t capacity, std::uint32_t permits) const {
  const Pool* pool = find(name);
  return pool == nullptr ? permits <= capacity : pool->capacity == capacity && permits <= pool->free;
}

bool Permits::has_line(const std::string& name) const {
  const Pool* pool = find(name);
  return pool != nullptr && !pool->waiting.empty();
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

sync::Token Permits::admit(const std::string& name, const Claims& claims) {
  const auto found = pools_.find(name);
  if (found == pools_.end() || found->second.waiting.empty()) return 0;
  Pool& of = found->second;
  const sync::Token head = *of.waiting.begin();
  const std::uint32_t permits = claims.at(head).permits;
  if (permits > of.free) return 0;
  of.free -= permits;
  of.waiting.erase(of.waiting.begin());
  of.holding.insert(head);
  return head;
}

}  // namespace troupe::scheduler
