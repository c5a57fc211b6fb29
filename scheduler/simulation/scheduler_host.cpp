#include <utility>

#include "scheduler/simulation/hosts.h"
#include "scheduler/simulation/sync_client.h"
#include "scheduler/simulation/sync_witness.h"

namespace troupe::scheduler::sim {

namespace {
constexpr Time driver_timeout{400};
}

SchedulerHost::SchedulerHost(World& world, Settings settings)
    : world_(world), settings_(settings), dice_(world.seed, "scheduler") {}

void SchedulerHost::start() {
  ++life_;
  core_ = std::make_unique<Scheduler>(settings_, world_.store.open(), world_.timeline.now());
  world_.witness.trace("the scheduler starts");
  world_.witness.scheduler_started(world_.store);
  world_.sync_witness->scheduler_started(world_.store);
  take(Tick{});
}

void SchedulerHost::crash() {
  world_.witness.trace("the scheduler dies");
  // The batch in flight may have reached the store, or not.
  if (in_flight_ > 0 && dice_.chance(500))
    for (std::size_t i = 0; i < in_flight_; ++i) world_.store.apply(turns_[i].writes);
  ++life_;
  core_.reset();
  turns_.clear();
  is_paused_ = false;
  arrived_meanwhile_.clear();
  in_flight_ = 0;
  wake_.reset();
}

void SchedulerHost::pause() { is_paused_ = is_up(); }

void SchedulerHost::resume() {
  if (!std::exchange(is_paused_, false)) return;
  if (dice_.chance(500)) take(Tick{});  // before it has read what waits for it
  for (const auto& event : std::exchange(arrived_meanwhile_, {})) take(event);
  take(Tick{});
  pump();
}

void SchedulerHost::take(const Event& event) {
  if (!is_up()) return;
  if (is_paused_) {
    if (!std::holds_alternative<Tick>(event)) arrived_meanwhile_.push_back(event);
    return;
  }
  const Time now = world_.timeline.now();
  const Effects effects = core_->step(now, event);
  world_.witness.saw(now, event, effects, *core_);
  world_.sync_witness->saw(event, effects, *core_);
  Turn turn;
  for (const auto& effect : effects) {
    if (is_write(effect)) turn.writes.push_back(effect);
    if (is_send(effect)) turn.sends.push_back(effect);
    if (const auto* wake = std::get_if<WakeAt>(&effect)) wake_at(wake->at);
  }
  if (turn.writes.empty() && turn.sends.empty()) return;
  turns_.push_back(std::move(turn));
  pump();
}

/// In order: sends wait for the writes before them, and writes that gather while a batch is in flight go together.
void SchedulerHost::pump() {
  while (!turns_.empty() && in_flight_ == 0 && !is_paused_) {
    if (turns_.front().writes.empty()) {
      const Effects sends = std::move(turns_.front().sends);
      turns_.pop_front();
      for (const auto& effect : sends) send(effect);
      continue;
    }
    in_flight_ = turns_.size();
    world_.timeline.after(dice_.between(Time{0}, world_.knobs.longest_commit),
                          [this, life = life_] { committed(life); });
  }
}

void SchedulerHost::committed(std::uint64_t life) {
  if (life != life_) return;
  if (is_paused_) return world_.timeline.after(Time{10}, [this, life] { committed(life); });
  std::vector<Turn> turns;
  for (; in_flight_ > 0; --in_flight_) {
    world_.store.apply(turns_.front().writes);
    turns.push_back(std::move(turns_.front()));
    turns_.pop_front();
  }
  for (const auto& turn : turns)
    for (const auto& effect : turn.sends) send(effect);
  pump();
}

void SchedulerHost::wake_at(Time at) {
  wake_ = at;
  world_.timeline.at(at, [this, at, life = life_] {
    if (life == life_ && wake_ == at) take(Tick{});
  });
}

void SchedulerHost::notice_gone(DriverId driver) {
  world_.timeline.after(driver_timeout, [this, driver] { take(DriverLeft{driver}); });
}

void SchedulerHost::send(const Effect& effect) {
  world_.witness.sent(effect, world_.store);
  world_.sync_witness->sent(effect);
  const std::uint32_t epoch = world_.store.epoch();
  const auto to_node = [&](NodeId node, agent::Event event) {
    world_.network.send(scheduler_place, place_of(node),
                        [host = world_.nodes.at(node).get(), event = std::move(event)] { host->take(event); });
  };
  const auto to_driver = [&](DriverId driver) {
    if (const auto client = world_.sync_clients.find(driver); client != world_.sync_clients.end())
      return world_.network.send(scheduler_place, place_of(driver),
                                 [host = client->second.get(), epoch, effect] { host->take(epoch, effect); });
    const auto found = world_.drivers.find(driver);
    if (found == world_.drivers.end()) return;
    world_.network.send(scheduler_place, place_of(driver),
                        [host = found->second.get(), epoch, effect] { host->take(epoch, effect); });
  };
  if (const auto* e = std::get_if<RunTask>(&effect))
    if (auto order = core_->order(e->task, e->attempt)) to_node(e->node, agent::OrderArrived{epoch, std::move(*order)});
  if (const auto* e = std::get_if<StopAttempt>(&effect))
    to_node(e->node, agent::StopArrived{epoch, e->task, e->attempt});
  if (const auto* e = std::get_if<AcknowledgeReport>(&effect))
    to_node(e->node, agent::ReportAcknowledged{epoch, e->task, e->attempt});
  if (const auto* e = std::get_if<WelcomeNode>(&effect)) to_node(e->node, agent::Welcomed{epoch});
  if (const auto* e = std::get_if<AskToJoin>(&effect)) to_node(e->node, agent::AskedToJoin{epoch});
  if (const auto* e = std::get_if<WelcomeDriver>(&effect)) to_driver(e->driver);
  if (const auto* e = std::get_if<AnswerRequest>(&effect)) to_driver(e->driver);
  if (const auto* e = std::get_if<TellTaskEnded>(&effect)) to_driver(e->driver);
  if (const auto* e = std::get_if<AnswerSync>(&effect)) to_driver(e->driver);
  if (const auto* e = std::get_if<TellActorUp>(&effect)) to_driver(e->driver);
  if (const auto* e = std::get_if<TellActorDown>(&effect)) to_driver(e->driver);
}

}  // namespace troupe::scheduler::sim
