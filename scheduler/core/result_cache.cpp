#include "scheduler/core/result_cache.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "runtime/base/sha256.h"

namespace troupe::scheduler {
namespace {

void add_arguments(Sha256& hash, const std::vector<Argument>& arguments) {
  hash.add_number(arguments.size());
  for (const auto& argument : arguments) {
    hash.add_number(argument.index());
    if (const auto* bytes = std::get_if<Bytes>(&argument)) {
      hash.add_field(*bytes);
    } else {
      hash.add_number(std::get<InputRef>(argument).input);
    }
  }
}

void add_command(Sha256& hash, const CommandWork& work) {
  hash.add_number(work.argv.size());
  for (const auto& word : work.argv) hash.add_field(word);
  hash.add_number(work.environment.size());
  for (const auto& [name, value] : work.environment) {
    hash.add_field(name);
    hash.add_field(value);
  }
  hash.add_field(work.working_directory);
  hash.add_number(work.results.size());
  for (const auto& [name, input] : work.results) {
    hash.add_field(name);
    hash.add_number(input);
  }
}

}  // namespace

std::string cache_key(const TaskSpec& spec, std::string_view program, const std::vector<std::string_view>& inputs) {
  Sha256 hash;
  hash.add_number(spec.work.index());
  if (const auto* function = std::get_if<FunctionWork>(&spec.work)) {
    hash.add_field(program);
    hash.add_field(function->function);
    add_arguments(hash, function->arguments);
    if (const auto& environment = function->environment) {
      hash.add_field(environment->working_directory);
      for (const auto& [name, value] : environment->variables) {
        hash.add_field(name);
        hash.add_field(value);
      }
    }
  } else if (const CommandWork* command = command_of(spec.work)) {
    add_command(hash, *command);
  }
  hash.add_number(inputs.size());
  for (const std::string_view input : inputs) hash.add_field(input);
  return hash.digest();
}

void ResultCache::load(std::vector<CachedResult> stored) {
  std::sort(stored.begin(), stored.end(), [](const CachedResult& a, const CachedResult& b) {
    return std::tie(a.saved_ms, a.key) < std::tie(b.saved_ms, b.key);
  });
  for (auto& result : stored) {
    bytes_ += result.result.size();
    by_use_.push_front(std::move(result));
    by_key_[by_use_.front().key] = by_use_.begin();
  }
}

const Bytes* ResultCache::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &found->second->result;
}

ResultCache::Added ResultCache::add(CachedResult result, const CacheLimits& limits) {
  Added added;
  if (by_key_.contains(result.key) || result.result.size() > limits.bytes || limits.results == 0) return added;
  while (by_use_.size() >= limits.results || bytes_ + result.result.size() > limits.bytes) {
    CachedResult& last = by_use_.back();
    bytes_ -= last.result.size();
    by_key_.erase(last.key);
    added.dropped.push_back(std::move(last.key));
    by_use_.pop_back();
  }
  bytes_ += result.result.size();
  by_use_.push_front(std::move(result));
  by_key_[by_use_.front().key] = by_use_.begin();
  added.is_new = true;
  return added;
}

}  // namespace troupe::scheduler
