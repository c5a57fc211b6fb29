#include "scheduler/store/tally.h"

#include "scheduler/store/redis_layout.h"

namespace troupe::scheduler {
namespace {

// FNV-1a, 64 bits: www.isthe.com/chongo/tech/comp/fnv
std::uint64_t hash_of(std::string_view key, std::string_view field) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&](char byte) { hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u; };
  for (const char byte : key) mix(byte);
  mix('\0');
  for (const char byte : field) mix(byte);
  return hash;
}

}  // namespace

Tally::Tally(const StoredState& state) {
  for (const auto& [queue, stored] : state.queues) {
    add(queues_key, queue);
    for (const auto& [number, message] : stored.messages) add(queue_key(queue), std::to_string(number));
  }
  for (const CachedResult& cached : state.cached) add(cache_key, cache_field(cached.key));
  for (const NodeId node : state.drained) add(drained_key, to_text(node));
}

void Tally::add(std::string_view key, std::string_view field) {
  const std::uint64_t hash = hash_of(key, field);
  if (!fields_[std::string(key)].insert(hash).second) return;
  ++count_;
  sum_ += hash;
}

void Tally::remove(const std::string& key, std::string_view field) {
  const auto found = fields_.find(key);
  const std::uint64_t hash = hash_of(key, field);
  if (found == fields_.end() || found->second.erase(hash) == 0) return;
  --count_;
  sum_ -= hash;
  if (found->second.empty()) fields_.erase(found);
}

void Tally::remove_all(const std::string& key) {
  const auto found = fields_.find(key);
  if (found == fields_.end()) return;
  for (const std::uint64_t hash : found->second) sum_ -= hash;
  count_ -= found->second.size();
  fields_.erase(found);
}

std::string Tally::text() const { return std::to_string(count_) + " " + std::to_string(sum_); }

}  // namespace troupe::scheduler
