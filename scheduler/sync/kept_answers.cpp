#include "scheduler/sync/kept_answers.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_kept = 4096;  // Of each client. A session has fewer requests under way.

}  // namespace

void KeptAnswers::confirm(DriverId client, std::uint64_t below) {
  Client& of = clients_.at(client);
  of.confirmed_below = std::max(of.confirmed_below, below);
  of.answers.erase(of.answers.begin(), of.answers.lower_bound(of.confirmed_below));
}

void KeptAnswers::keep(DriverId client, sync::Answer answer) {
  const auto found = clients_.find(client);
  if (found == clients_.end() || answer.request < found->second.confirmed_below) return;
  Client& of = found->second;
  of.answers.insert_or_assign(answer.request, std::move(answer));
  if (of.answers.size() <= most_kept) return;
  of.dropped = of.answers.begin()->first;
  of.answers.erase(of.answers.begin());
}

const sync::Answer* KeptAnswers::find(DriverId client, std::uint64_t request) const {
  const auto& answers = clients_.at(client).answers;
  const auto found = answers.find(request);
  return found == answers.end() ? nullptr : &found->second;
}

KeptAnswers::Age KeptAnswers::age_of(DriverId client, std::uint64_t request) const {
  const Client& of = clients_.at(client);
  if (request < of.confirmed_below) return Age::confirmed;
  return request <= of.dropped ? Age::too_old : Age::open;
}

}  // namespace troupe::scheduler
