#include "scheduler/sync/claims.h"

#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {
Claims::Claims(std::uint32_t epoch) : epoch_(epoch) {
  TROUPE_CHECK(epoch < (1u << (64 - token_counter_bits)), "a token holds the epoch");
}

sync::Token Claims::draw() {
  TROUPE_CHECK(last_ + 1 < (std::uint64_t{1} << token_counter_bits), "tokens of one epoch do not run out");
  return (std::uint64_t{epoch_} << token_counter_bits) | ++last_;
}

bool Claims::is_of_earlier_epoch(sync::Token token) const { return (token >> token_counter_bits) < epoch_; }

sync::Token Claims::add(Claim claim, sync::Token token) {
  if (token == 0) token = draw();
  if (claim.client) {
    const bool is_new = by_request_.emplace(std::pair(claim.client, claim.request), token).second;
    TROUPE_CHECK(is_new, "a request makes one claim");
  }
  if (claim.holder.client) by_client_.emplace(claim.holder.client, token);
  if (claim.holder.task) by_attempt_.emplace(claim.holder.task, claim.holder.attempt, token);
  if (claim.until != never) by_end_.emplace(claim.until, token);
  const bool is_new = claims_.emplace(token, std::move(claim)).second;
  TROUPE_CHECK(is_new, "no token is used twice");
  return token;
}

void Claims::erase(sync::Token token) {
  const auto found = claims_.find(token);
  TROUPE_CHECK(found != claims_.end(), "a claim ends once");
  const Claim& claim = found->second;
  if (claim.client) by_request_.erase({claim.client, claim.request});
  if (claim.holder.client) by_client_.erase({claim.holder.client, token});
  if (claim.holder.task) by_attempt_.erase({claim.holder.task, claim.holder.attempt, token});
  by_end_.erase({claim.until, token});
  claims_.erase(found);
}

void Claims::grant(sync::Token token, SyncTime until) {
  entry(token).is_held = true;
  set_until(token, until);
}

void Claims::set_until(sync::Token token, SyncTime until) {
  Claim& claim = entry(token);
  by_end_.erase({claim.until, token});
  claim.until = until;
  if (until != never) by_end_.emplace(until, token);
}

const Claim* Claims::find(sync::Token token) const {
  const auto found = claims_.find(token);
  return found == claims_.end() ? nullptr : &found->second;
}

sync::Token Claims::of_request(DriverId client, std::uint64_t request) const {
  const auto found = by_request_.find({client, request});
  return found == by_request_.end() ? 0 : found->second;
}

std::vector<sync::Token> Claims::of_client(DriverId client) const {
  std::vector<sync::Token> tokens;
  for (auto each = by_client_.lower_bound({client, 0}); each != by_client_.end() && each->first == client; ++each)
    tokens.push_back(each->second);
  return tokens;
}

std::vector<sync::Token> Claims::of_attempt(TaskId task, AttemptId attempt) const {
  std::vector<sync::Token> tokens;
  for (auto each = by_attempt_.lower_bound({task, attempt, 0}); each != by_attempt_.end(); ++each) {
    if (std::get<0>(*each) != task || std::get<1>(*each) != attempt) break;
    tokens.push_back(std::get<2>(*each));
  }
  return tokens;
}

std::vector<sync::Token> Claims::due(SyncTime now) const {
  std::vector<sync::Token> tokens;
  for (auto each = by_end_.begin(); each != by_end_.end() && each->first <= now; ++each) tokens.push_back(each->second);
  return tokens;
}

std::optional<SyncTime> Claims::next_end() const {
  if (by_end_.empty()) return std::nullopt;
  return by_end_.begin()->first;
}

}  // namespace troupe::scheduler
