#include "runtime/worker/order_book.h"

#include "runtime/base/check.h"

namespace troupe {

std::optional<std::uint64_t> OrderBook::take(RunOrder order, std::uint64_t taken) {
  const Key key{order.task, order.attempt};
  for (; first_own_ < taken && !own_.empty(); ++first_own_) own_.pop_front();
  const auto [place, is_new] = orders_.try_emplace(key);
  if (!is_new) return std::nullopt;
  Entry& entry = place->second;
  entry.order = std::move(order);
  entry.number = ++last_number_;
  if (entry.order.awaits.empty()) return entry.number;
  entry.has_awaited = true;
  ++awaiting_;
  for (const Own& own : own_) settle(entry, own);
  for (const Awaited& each : std::vector(entry.order.awaits.begin(), entry.order.awaits.end()))
    if (const auto other = of_others_.find({each.task, each.attempt}); other != of_others_.end())
      fill_in(entry, other->first, other->second);
  return entry.number;
}

std::vector<OrderBook::Key> OrderBook::return_all() {
  std::vector<Key> returned;
  for (const auto& [key, entry] : orders_) returned.push_back(key);
  orders_.clear();
  awaiting_ = 0;
  return returned;
}

bool OrderBook::holds(Key key, std::uint64_t number) const {
  const auto found = orders_.find(key);
  return found != orders_.end() && found->second.number == number;
}

void OrderBook::take_back(Key key) {
  if (const auto found = orders_.find(key); found != orders_.end()) found->second.is_taken_back = true;
}

void OrderBook::take_result(Key awaited, const Bytes& result) {
  for (auto& [key, entry] : orders_) fill_in(entry, awaited, result);
}

void OrderBook::take_passed_result(Key awaited, const Bytes& result) {
  take_result(awaited, result);
  if (!of_others_.try_emplace(awaited, result).second) return;
  others_.push_back(awaited);
  if (others_.size() <= most_kept_of_others) return;
  of_others_.erase(others_.front());
  others_.pop_front();
}

void OrderBook::pass(Key key, std::string address) {
  if (key == begun_) {
    pass_begun_to_.push_back(std::move(address));
  } else if (const auto found = orders_.find(key); found != orders_.end()) {
    found->second.pass_to.push_back(std::move(address));
  }
}

std::vector<std::string> OrderBook::note_end(const AttemptReport& report) {
  const bool is_kept = report.result.size() <= most_kept_bytes;
  own_.push_back(
      {{report.task, report.attempt}, report.end == AttemptEnd::done, is_kept, is_kept ? report.result : Bytes()});
  if (awaiting_ > 0)
    for (auto& [key, entry] : orders_) settle(entry, own_.back());
  begun_ = {};
  auto pass_to = std::exchange(pass_begun_to_, {});
  if (!own_.back().is_done || !is_kept) pass_to.clear();
  return pass_to;
}

void OrderBook::settle(Entry& entry, const Own& own) const {
  if (own.is_done && own.is_kept) return fill_in(entry, own.key, own.result);
  if (own.is_done) return;  // It comes from the agent.
  for (const Awaited& each : entry.order.awaits)
    if (each.task == own.key.first && each.attempt == own.key.second) entry.is_taken_back = true;
}

void OrderBook::fill_in(Entry& entry, Key awaited, const Bytes& result) const {
  if (entry.order.awaits.empty()) return;
  std::erase_if(entry.order.awaits.as_vector(), [&](const Awaited& each) {
    if (each.task != awaited.first || each.attempt != awaited.second)
      return planted_ == Planted::any_result_ends_the_wait;
    if (each.input < entry.order.inputs.size()) entry.order.inputs[each.input] = result;
    return true;
  });
}

OrderBook::State OrderBook::state_of(Key key) const {
  const Entry& entry = orders_.at(key);
  if (entry.is_taken_back) return State::taken_back;
  return entry.order.awaits.empty() ? State::can_begin : State::waits;
}

RunOrder OrderBook::begin(Key key) {
  auto entry = orders_.extract(key);
  TROUPE_CHECK(!entry.empty(), "only what was given begins");
  if (entry.mapped().has_awaited) --awaiting_;
  begun_ = key;
  pass_begun_to_ = std::move(entry.mapped().pass_to);
  return std::move(entry.mapped().order);
}

}  // namespace troupe
