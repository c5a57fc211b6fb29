#include "nn/parallel/schedule.h"

#include <algorithm>

namespace troupe::nn {

namespace {

std::string at_stage(std::size_t stage) { return "stage " + std::to_string(stage); }

/// Messages over one border in one direction.
struct Channel {
  std::vector<std::uint32_t> sends;     ///< Slots, in the sender's order.
  std::vector<std::uint32_t> receives;  ///< Slots, in the receiver's order.
  std::size_t sent = 0;
  std::size_t received = 0;
};

/// Where the stages of a schedule meet, and how far a run of it has come.
class Run {
 public:
  Run(const PipelineSchedule& schedule, std::uint32_t capacity)
      : schedule_(schedule),
        capacity_(capacity),
        down_(schedule.stages.size() - 1),
        up_(schedule.stages.size() - 1),
        places_(schedule.stages.size()) {
    for (std::size_t stage = 0; stage < schedule.stages.size(); ++stage) {
      for (const Action& action : schedule.stages[stage]) {
        if (Channel* in = input(stage, action)) in->receives.push_back(action.slot);
        if (Channel* out = output(stage, action)) out->sends.push_back(action.slot);
      }
    }
  }

  Result<void> check_orders() const {
    for (std::size_t border = 0; border < down_.size(); ++border) {
      if (auto same = check_order(down_[border], border, border + 1, "activations"); !same) return same;
      if (auto same = check_order(up_[border], border + 1, border, "gradients"); !same) return same;
    }
    return {};
  }

  /// Lets every stage go as far as it can. A step of one stage never takes another's chance away, so if this order of
  /// steps gets stuck, every order does, and in the same place.
  Result<void> check_ends() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::size_t stage = 0; stage < places_.size(); ++stage) {
        while (step(stage)) moved = true;
      }
    }
    std::string stuck;
    for (std::size_t stage = 0; stage < places_.size(); ++stage) {
      if (done(stage)) continue;
      stuck += (stuck.empty() ? "" : ", ") + at_stage(stage) + " waits to " +
               (places_[stage].sending ? "send " : "receive for ") + describe(action_at(stage));
    }
    if (stuck.empty()) return {};
    return bad_input("schedule " + schedule_.name + " never ends with channels of capacity " +
                     std::to_string(capacity_) + ": " + stuck);
  }

 private:
  struct Place {
    std::size_t action = 0;
    bool sending = false;  ///< Received and computed, not yet sent.
  };

  static Result<void> check_order(const Channel& channel, std::size_t from, std::size_t to, const char* what) {
    const std::size_t both = std::min(channel.sends.size(), channel.receives.size());
    for (std::size_t i = 0; i < both; ++i) {
      if (channel.sends[i] == channel.receives[i]) continue;
      return bad_input(at_stage(to) + " expects the " + what + " of slot " + std::to_string(channel.receives[i]) +
                       " as message " + std::to_string(i) + ", " + at_stage(from) + " sends those of slot " +
                       std::to_string(channel.sends[i]));
    }
    return {};
  }

  Channel* input(std::size_t stage, const Action& action) {
    if (action.pass == Pass::forward) return stage == 0 ? nullptr : &down_[stage - 1];
    return stage == up_.size() ? nullptr : &up_[stage];
  }

  Channel* output(std::size_t stage, const Action& action) {
    if (action.pass == Pass::forward) return stage == down_.size() ? nullptr : &down_[stage];
    return stage == 0 ? nullptr : &up_[stage - 1];
  }

  std::size_t peer_of_output(std::size_t stage, const Action& action) const {
    return action.pass == Pass::forward ? stage + 1 : stage - 1;
  }

  bool done(std::size_t stage) const { return places_[stage].action == schedule_.stages[stage].size(); }
  const Action& action_at(std::size_t stage) const { return schedule_.stages[stage][places_[stage].action]; }

  /// A channel of capacity 0 takes a message only while its receiver stands there for it.
  bool can_send(std::size_t stage, const Channel& out) {
    if (capacity_ > 0) return out.sent - out.received < capacity_;
    const std::size_t peer = peer_of_output(stage, action_at(stage));
    return out.sent == out.received && !done(peer) && !places_[peer].sending && input(peer, action_at(peer)) == &out;
  }

  bool step(std::size_t stage) {
    if (done(stage)) return false;
    Place& place = places_[stage];
    if (!place.sending) {
      if (Channel* in = input(stage, action_at(stage))) {
        if (in->sent == in->received) return false;
        ++in->received;
      }
      place.sending = true;
      return true;
    }
    if (Channel* out = output(stage, action_at(stage))) {
      if (!can_send(stage, *out)) return false;
      ++out->sent;
    }
    place = {place.action + 1, false};
    return true;
  }

  const PipelineSchedule& schedule_;
  std::uint32_t capacity_;
  std::vector<Channel> down_;  ///< Activations, by border.
  std::vector<Channel> up_;    ///< Gradients, by border.
  std::vector<Place> places_;
};

/// Each slot forward once, then backward once; live slots in the bound.
Result<void> check_stage(const PipelineSchedule& schedule, std::size_t stage, std::uint32_t live_slots) {
  enum class Seen : std::uint8_t { nothing, forward, backward };
  std::vector<Seen> seen(schedule.slots, Seen::nothing);
  std::uint32_t live = 0;
  for (const Action& action : schedule.stages[stage]) {
    const std::string here = at_stage(stage) + ": " + describe(action);
    if (action.slot >= schedule.slots) {
      return bad_input(here + ": expected a slot below " + std::to_string(schedule.slots));
    }
    Seen& slot = seen[action.slot];
    if (action.pass == Pass::forward) {
      if (slot != Seen::nothing) return bad_input(here + " a second time, expected once");
      slot = Seen::forward;
      if (++live > live_slots) {
        return bad_input(here + " makes " + std::to_string(live) + " live slots, expected at most " +
                         std::to_string(live_slots));
      }
    } else {
      if (slot == Seen::nothing) return bad_input(here + " before the forward pass of its slot");
      if (slot == Seen::backward) return bad_input(here + " a second time, expected once");
      slot = Seen::backward;
      --live;
    }
  }
  for (std::uint32_t slot = 0; slot < schedule.slots; ++slot) {
    if (seen[slot] == Seen::backward) continue;
    const Pass missing = seen[slot] == Seen::nothing ? Pass::forward : Pass::backward;
    return bad_input(at_stage(stage) + ": " + describe(Action{missing, slot}) + " is missing");
  }
  return {};
}

}  // namespace

PipelineSchedule gpipe(std::size_t stages, std::size_t slots) {
  PipelineSchedule schedule{.name = "gpipe", .slots = static_cast<std::uint32_t>(slots)};
  std::vector<Action> actions;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    for (std::uint32_t slot = 0; slot < schedule.slots; ++slot) actions.push_back({pass, slot});
  }
  schedule.stages.assign(stages, actions);
  return schedule;
}

Result<void> check(const PipelineSchedule& schedule, const ScheduleLimits& limits) {
  if (schedule.stages.empty()) return bad_input("schedule " + schedule.name + " has no stage");
  for (std::size_t stage = 0; stage < schedule.stages.size(); ++stage) {
    if (auto good = check_stage(schedule, stage, limits.live_slots); !good) return good;
  }
  Run run(schedule, limits.channel_capacity);
  if (auto good = run.check_orders(); !good) return good;
  return run.check_ends();
}

std::string describe(const Action& action) {
  return std::string(action.pass == Pass::forward ? "F" : "B").append(std::to_string(action.slot));
}

std::string describe(const PipelineSchedule& schedule) {
  std::string text;
  for (std::size_t stage = 0; stage < schedule.stages.size(); ++stage) {
    text.append("s").append(std::to_string(stage));
    for (const Action& action : schedule.stages[stage]) text.append(" ").append(describe(action));
    text.append("\n");
  }
  return text;
}

}  // namespace troupe::nn
