#include "scheduler/simulation/network.h"

#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time longest_clear_delay{5};

}  // namespace

Network::Network(const Scenario& scenario, Timeline& timeline) : scenario_(scenario), timeline_(timeline) {
  const Place count = Places(scenario).count();
  ends_.resize(count + 1);
  for (Place link = 0; link < count * count + 2 * count; ++link)
    links_.push_back({Dice(scenario.seed * 65'536 + link, "link")});
}

void Network::send(Place from, Place to, const Envelope& envelope, message::Message&& message) {
  const Weather& weather = scenario_.weather;
  const Time now = timeline_.now();
  const bool has_faults = now < scenario_.faults_until;
  Link& link = links_[link_of(from, to)];
  if (has_faults && (now < ends_[from].mute_until || now < ends_[to].deaf_until)) return;
  link.sent_now = now == link.last_sent ? link.sent_now + 1 : 0;
  link.last_sent = now;
  Dice dice = link.dice.at(static_cast<std::uint64_t>(now.count()) << 16 | link.sent_now);
  if (has_faults && dice.chance(weather.lost_permille)) return;

  const std::uint32_t first = take_parcel();
  Parcel& parcel = parcels_[first];
  parcel.from = from;
  parcel.to = to;
  if (weather.uses_codec) {
    parcel.frame = encode(envelope, message);
  } else {
    parcel.letter = {envelope, std::move(message)};
  }
  const int copies = has_faults && dice.chance(weather.doubled_permille) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const Time longest = has_faults ? weather.longest_delay : std::min(weather.longest_delay, longest_clear_delay);
    Time arrives = now + dice.between(weather.shortest_delay, longest);
    if (has_faults) arrives = std::max({arrives, ends_[from].clogged_until, ends_[to].clogged_until});
    std::uint32_t which = first;
    if (copy > 0) {
      which = take_parcel();
      parcels_[which] = parcels_[first];
    }
    if (weather.reorders) {
      timeline_.at(arrives, [this, which] { deliver(which); });
    } else {
      // What arrives at the same time comes in a drawn order; in which order it was sent, the link remembers.
      arrives = link.last_arrival = std::max(arrives, link.last_arrival);
      link.under_way.push_back(which);
      timeline_.at(arrives, [this, &link] {
        const std::uint32_t next = link.under_way.front();
        link.under_way.pop_front();
        deliver(next);
      });
    }
  }
}

void Network::deliver(std::uint32_t which) {
  Parcel parcel = std::move(parcels_[which]);
  free_.push_back(which);
  if (scenario_.weather.uses_codec) {
    auto letters = decode(parcel.frame);
    TROUPE_CHECK(letters, "what was encoded can be decoded");
    parcel.letter = {letters->envelope, std::move(letters->messages.front())};
  }
  if (ends_[parcel.to].receiver) ends_[parcel.to].receiver(parcel.from, std::move(parcel.letter));
}

std::uint32_t Network::take_parcel() {
  if (free_.empty()) {
    parcels_.emplace_back();
    return static_cast<std::uint32_t>(parcels_.size() - 1);
  }
  const std::uint32_t which = free_.back();
  free_.pop_back();
  return which;
}

}  // namespace troupe::scheduler::sim
