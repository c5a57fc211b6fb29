#include "scheduler/simulation/scheduler_host.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "scheduler/service/translate.h"
#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {
namespace {

constexpr std::uint64_t events_between_comparisons = 1000;  // it copies all that the scheduler knows
constexpr Time wall_at_start{1'700'000'000'000};            // as in 2023: no jump of a clock leads before 1970

Settings settings_of(const Scenario& scenario) {
  return {.node_timeout = scenario.timing.node_timeout,
          .driver_timeout = scenario.timing.driver_timeout,
          .most_lost_attempts = scenario.most_lost_attempts,
          .rejoin_grace = scenario.timing.rejoin_grace,
          .line_patience = scenario.timing.line_patience,
          // By what the news of an end take here: half of a millisecond in a real cluster.
          .quick = Time{5} + std::min(4 * scenario.weather.longest_delay, scenario.timing.heartbeat / 4),
          .sync = {.grace = scenario.timing.sync_lease},
          .planted = scenario.planted};
}

}  // namespace

SchedulerHost::SchedulerHost(World& world, std::uint32_t number)
    : world_(world),
      number_(number),
      settings_(settings_of(world.scenario)),
      client_(world, number,
              {.opened = [this](StoredState&& state) { opened(std::move(state)); },
               .committed =
                   [this](std::uint64_t commit_seq) {
                     age_.commit_seq = commit_seq;
                     gate_->committed();
                     send_what_may_go();
                     commit_what_waits();
                   },
               .lost = [this](const std::string& why) { exit(why); }}),
      clock_offset_(wall_at_start + Time{77 * number}) {
  world.network.attach(world.places.scheduler(number),
                       [this](Place from, Letter&& letter) { take(from, std::move(letter)); });
}

// --- its life --------------------------------------------------------------------------------------------------------

void SchedulerHost::start() {
  if (is_up_) return;
  ++life_;
  is_up_ = true;
  world_.trace.note(world_.timeline.now(), "starts scheduler", number_);
  world_.scenario.has_standby ? stand_by() : take_over();
}

void SchedulerHost::take_over() {
  if (!is_up_ || is_paused_ || core_ || std::exchange(is_opening_, true)) return;
  client_.open();
}

void SchedulerHost::stand_by() {
  if (core_ || is_opening_) return;
  const Time lease = world_.scenario.timing.lease;
  if (!is_paused_ && world_.store.is_up() && world_.store.lease(number_ + 1, world_.timeline.now(), lease))
    return take_over();
  world_.timeline.after(lease / 4 + Time{1}, [this, life = life_] {
    if (life == life_) stand_by();
  });
}

/// The lease is for liveness: without it a scheduler that has nothing to commit would never learn that its epoch is
/// over.
void SchedulerHost::renew_lease() {
  const Time lease = world_.scenario.timing.lease;
  world_.timeline.after(lease / 4 + Time{1}, [this, lease, life = life_] {
    if (life != life_) return;
    const bool asks = !is_paused_ && world_.store.is_up();
    if (asks && !has_the_epoch()) return exit("another one has the epoch");
    if (asks && !world_.store.lease(number_ + 1, world_.timeline.now(), lease))
      return exit("another one has the lease");
    renew_lease();
  });
}

void SchedulerHost::opened(StoredState&& state) {
  world_.witness.opens(state, world_.cluster, world_.store);
  world_.sync_witness.scheduler_started(number_, state.epoch, state.queues, state.epoch == world_.store.age().epoch);
  is_opening_ = false;
  age_ = {world_.cluster, state.epoch, state.commit_seq};
  clock_.emplace(clock_offset_ + world_.timeline.now(), steady(), settings_.planted);
  watch_.emplace(world_.witness, state, local_now());
  waits_.emplace(world_.witness, world_.scenario, state);
  gate_.emplace(settings_.planted);
  core_ = std::make_unique<Scheduler>(settings_, state, local_now());
  world_.trace.note(world_.timeline.now(), "is active: scheduler", number_, age_.epoch);
  if (world_.scenario.has_standby) renew_lease();
  step(Tick{});
}

void SchedulerHost::exit(const std::string& why) {
  world_.trace.note(world_.timeline.now(), why + "; exits: scheduler", number_);
  end_process();
  // Its supervisor starts it again.
  world_.timeline.after(world_.scenario.timing.heartbeat, [this] { start(); });
}

void SchedulerHost::crash() {
  if (!is_up_) return;
  world_.trace.note(world_.timeline.now(), "dies: scheduler", number_);
  end_process();
}

void SchedulerHost::end_process() {
  ++life_;
  is_up_ = is_opening_ = is_paused_ = false;
  client_.close();
  core_.reset();
  watch_.reset();
  waits_.reset();
  gate_.reset();
  arrived_meanwhile_.clear();
  gone_meanwhile_.clear();
  wake_.reset();
}

void SchedulerHost::pause() {
  if (!is_up_) return;
  is_paused_ = true;
  client_.pause(true);
}

void SchedulerHost::resume() {
  if (!std::exchange(is_paused_, false)) return;
  client_.pause(false);
  if (!core_) return;
  const std::uint64_t life = life_;
  if (world_.timeline.now().count() % 2 == 0) step(Tick{});  // before it has read what waits for it
  for (auto& [from, letter] : std::exchange(arrived_meanwhile_, {}))
    if (life == life_) take(from, std::move(letter));
  for (const DriverId driver : std::exchange(gone_meanwhile_, {}))
    if (life == life_) step(DriverLeft{driver});
  if (life == life_) step(Tick{});
}

bool SchedulerHost::is_settled() const { return core_ && !is_paused_ && gate_->is_idle() && world_.store.is_up(); }

bool SchedulerHost::has_the_epoch() const { return core_ && age_.epoch == world_.store.age().epoch; }

// --- what comes in ---------------------------------------------------------------------------------------------------

void SchedulerHost::take(Place from, Letter&& letter) {
  if (!core_) return;
  if (is_paused_) {
    arrived_meanwhile_.emplace_back(from, std::move(letter));
    return;
  }
  if (const auto refusal = refuse_older("this scheduler's store", age_, letter.envelope.store(), settings_.planted)) {
    if (is_of_agent(letter.message)) exit(refusal->message);
    return;
  }
  if (std::holds_alternative<message::AgentHeartbeat>(letter.message))
    world_.network.send(world_.places.scheduler(number_), from, envelope(), message::HeartbeatTaken{});
  const DriverId driver = world_.driver_at(from);
  const auto event = event_of(std::move(letter), world_.cluster, age_.epoch, driver);
  if (!event) return;
  step(*event);
  if (driver && world_.is_gone(driver)) notice_gone(driver);  // nobody is at the other end
}

void SchedulerHost::step(const Event& event) {
  const Time now = local_now();
  if (const auto* end = std::get_if<AttemptEnded>(&event)) {
    const Scheduler::EndingAttempt ending{end->node, end->report.task, end->report.attempt};
    core_->prefetch({&ending, 1});
  }
  Effects effects = core_->step(now, event);
  world_.trace.step(world_.timeline.now(), number_, event, effects);
  watch_->saw(now, event, effects);
  waits_->saw(world_.timeline.now(), event, effects, *core_);
  world_.sync_witness.saw(number_, event, effects, *core_);
  for (const auto& effect : effects)
    if (const auto* wake = std::get_if<WakeAt>(&effect)) wake_at(wake->at);
  gate_->take(std::move(effects));
  send_what_may_go();
  commit_what_waits();
  const std::uint64_t events = world_.witness.counts.events;
  const std::uint64_t interval = world_.scenario.events_between_scans;
  if (events % interval == 0) watch_->scan(*core_);
  if (events % std::max(interval, events_between_comparisons) == 0) compare_with_store();
}

void SchedulerHost::scan() {
  if (!core_) return;
  watch_->scan(*core_);
  compare_with_store();
}

/// What is under way makes a difference, and so do files that were replaced.
void SchedulerHost::compare_with_store() {
  if (is_settled() && has_the_epoch() && !world_.store.is_replaced()) watch_->compare(*core_, world_.store.contents());
}

void SchedulerHost::print_what_is_open() const {
  if (is_settled()) return;
  std::printf("open: scheduler %u is %s%s%s\n", number_,
              core_    ? "active"
              : is_up_ ? "up"
                       : "down",
              is_paused_ ? ", paused" : "", gate_ && !gate_->is_idle() ? ", commits" : "");
}

void SchedulerHost::notice_gone(DriverId driver) {
  world_.timeline.after(world_.scenario.timing.driver_timeout, [this, driver] {
    if (!core_) return;
    if (is_paused_) return gone_meanwhile_.push_back(driver);
    step(DriverLeft{driver});
  });
}

// --- what goes out ---------------------------------------------------------------------------------------------------

void SchedulerHost::commit_what_waits() {
  if (auto batch = gate_->next_batch()) client_.commit(std::move(*batch));
}

void SchedulerHost::send_what_may_go() {
  for (auto& effect : gate_->take_sends()) {
    if (!world_.store.is_replaced()) watch_->lets_out(effect, world_.store.contents());
    world_.sync_witness.sent(number_, effect);
    auto outgoing = message_of(std::move(effect), *core_);
    if (!outgoing) continue;
    const auto* node = std::get_if<NodeId>(&outgoing->to);
    const Place to = node != nullptr ? world_.places.node(node->value - 1)
                                     : world_.places.driver(std::get<DriverId>(outgoing->to).value - 1);
    world_.network.send(world_.places.scheduler(number_), to, envelope(), std::move(outgoing->message));
  }
}

// --- time ------------------------------------------------------------------------------------------------------------

Time SchedulerHost::steady() const { return world_.timeline.now() * world_.scenario.scheduler_clock_permille / 1000; }

Time SchedulerHost::local_now() const { return clock_->now(clock_offset_ + world_.timeline.now(), steady()); }

void SchedulerHost::wake_at(Time local) {
  wake_ = local;
  const Time away = (local - local_now()) * 1000 / world_.scenario.scheduler_clock_permille + Time{1};
  world_.timeline.after(std::max(away, Time{1}), [this, local, life = life_] {
    if (life == life_ && wake_ == local && !is_paused_) step(Tick{});
  });
}

}  // namespace troupe::scheduler::sim
