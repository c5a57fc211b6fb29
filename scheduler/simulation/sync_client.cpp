#include "scheduler/simulation/sync_client.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time longest_commit_and_way{30};
constexpr Time usual_node_timeout{1000};
constexpr const char* queues[] = {"durable", "volatile"};

}  // namespace

SyncClientHost::SyncClientHost(World& world, std::uint32_t number)
    : world_(world),
      plan_(world.scenario.clients[number]),
      id_{world.scenario.drivers.size() + number + 1},
      lease_(world.scenario.timing.sync_lease),
      dice_(world.scenario.seed + number, "sync client"),
      sudden_dice_(world.scenario.seed + number, "last moments"),
      steps_(plan_.steps),
      rounds_(plan_.rounds) {
  world.network.attach(world.places.driver(id_.value - 1), [this](Place, Letter&& letter) { take(std::move(letter)); });
}

Time SyncClientHost::scaled(Time time) const {
  return std::max(time * world_.scenario.timing.node_timeout.count() / usual_node_timeout.count(), Time{1});
}

void SyncClientHost::later(Time delay, std::function<void()> what) {
  world_.timeline.after(delay, [this, what = std::move(what)] {
    if (!is_gone_) what();
  });
}

void SyncClientHost::to_scheduler(message::Message&& message) {
  const Envelope envelope{world_.cluster, epoch_, id_.value};
  const Place from = world_.places.driver(id_.value - 1);
  if (world_.scenario.has_standby) {
    auto copy = message;
    world_.network.send(from, world_.places.scheduler(1), envelope, std::move(copy));
  }
  world_.network.send(from, world_.places.scheduler(0), envelope, std::move(message));
}

void SyncClientHost::start() {
  later(plan_.starts_at, [this] { begin(); });
  if (plan_.dies_at) later(*plan_.dies_at, [this] { die(); });
  for (const Fault& fault : world_.scenario.faults) {
    if (fault.kind != FaultKind::scheduler_crash && fault.kind != FaultKind::store_crash) continue;
    const Time before = sudden_dice_.between(Time{1}, longest_commit_and_way);
    later(std::max(fault.at - before, Time{0}), [this] {
      if (last_ > 0) ask(message_to(queues[0]));
    });
  }
}

sync::Operation SyncClientHost::message_to(const std::string& queue) const {
  return sync::Send{queue, to_text(id_) + ':' + std::to_string(last_ + 1), queue == queues[0]};
}

void SyncClientHost::join() {
  to_scheduler(message::DriverHello{id_, {.id = {2 * id_.value - 1}, .name = "client", .program = "/bin/client"}});
}

void SyncClientHost::begin() {
  join();
  for (const char* queue : queues)
    ask(sync::OpenQueue{queue, {.capacity = 12, .max_deliveries = 3, .durable = queue == queues[0]}});
  awaited_ = last_;  // The first step may well come before the queues are open.
  later(world_.scenario.timing.heartbeat, [this] { ask_again(); });
  later(lease_ / 4, [this] { renew(); });
}

void SyncClientHost::die() {
  if (std::exchange(is_gone_, true)) return;
  world_.trace.note(world_.timeline.now(), "is gone: client", id_.value);
  world_.sync_witness.client_is_gone(id_);
  for (const auto& scheduler : world_.schedulers) scheduler->notice_gone(id_);
}

void SyncClientHost::ask(sync::Operation operation) {
  open_[++last_] = {std::move(operation)};
  send(last_);
}

void SyncClientHost::send(std::uint64_t number) {
  const std::uint64_t confirmed = open_.empty() ? last_ + 1 : open_.begin()->first;
  to_scheduler(message::Synchronise{
      .task = {}, .attempt = {}, .confirmed_below = confirmed, .requests = {{number, open_.at(number).operation}}});
}

void SyncClientHost::ask_again() {
  join();
  if (world_.scenario.planted == Planted::retry_under_a_new_request) renumber_sends();
  for (const auto& [number, open] : open_) send(number);
  later(world_.scenario.timing.heartbeat, [this] { ask_again(); });
}

/// The bug: a message that is sent again is no copy of the one that was sent.
void SyncClientHost::renumber_sends() {
  const auto is_send = [](const auto& each) { return std::holds_alternative<sync::Send>(each.second.operation); };
  const auto first = std::find_if(open_.begin(), open_.end(), is_send);
  if (first == open_.end()) return;
  auto send = open_.extract(first);
  if (std::exchange(send.key(), last_ + 1) == awaited_) awaited_ = last_ + 1;
  ++last_;
  open_.insert(std::move(send));
}

void SyncClientHost::renew() {
  sync::Renew all;
  for (const auto& [token, held] : held_) all.tokens.push_back(token);
  if (!all.tokens.empty()) ask(std::move(all));
  later(lease_ / 4, [this] { renew(); });
}

void SyncClientHost::act() {
  if (steps_-- > 0) {
    ask(draw());
    awaited_ = last_;
  } else if (open_.empty() && held_.empty()) {
    // Others may still wait for a round that this one has passed.
    const Time faults_left = std::max(world_.scenario.faults_until - world_.timeline.now(), Time{0});
    later(rounds_ > 0 ? faults_left + 8 * world_.scenario.timing.node_timeout : Time{1}, [this] { die(); });
  } else {
    steps_ = 0;
    later(scaled(Time{20}), [this] { act(); });
  }
}

sync::Operation SyncClientHost::draw() {
  const Time patience = dice_.chance(300) ? scaled(Time{dice_.between(0, 400)}) : sync::for_ever;
  const std::string queue = queues[dice_.between(0, 1)];
  if (rounds_ > 0 && steps_ < rounds_) return sync::Arrive{.name = "barrier", .parties = 2, .passed = passed_};
  switch (dice_.between(0, 5)) {
    case 0:
    case 1: return sync::Acquire{.name = dice_.chance(700) ? "a" : "b", .lease = lease_, .patience = patience};
    case 2:
      return sync::Acquire{.kind = sync::Kind::semaphore,
                           .name = "s",
                           .permits = dice_.between<std::uint32_t>(1, 3),
                           .capacity = 3,
                           .lease = lease_,
                           .patience = patience};
    case 3:
    case 4: return message_to(queue);
    default:
      return sync::Receive{.queue = dice_.chance(200) ? queue + ".dead" : queue,
                           .lease = lease_,
                           .patience = scaled(Time{dice_.between(0, 300)})};
  }
}

void SyncClientHost::take(Letter&& letter) {
  const std::uint32_t epoch = letter.envelope.epoch;
  if (is_gone_ || last_ == 0 || epoch < epoch_) return;
  if (epoch > std::exchange(epoch_, epoch) && epoch > 1) start_over();
  if (const auto* answers = std::get_if<message::Synchronised>(&letter.message))
    for (const auto& answer : answers->answers) take(answer);
}

void SyncClientHost::take(const sync::Answer& answer) {
  if (answer.outcome == sync::Outcome::lost) held_.erase(answer.token);
  for (const sync::Token token : answer.lost) held_.erase(token);
  const auto found = open_.find(answer.request);
  if (found == open_.end()) return;
  if (answer.outcome == sync::Outcome::waiting) {
    found->second.round = answer.token;
    return;
  }
  const sync::Operation operation = std::move(found->second.operation);
  open_.erase(found);
  if (answer.outcome == sync::Outcome::granted) return hold(operation, answer);
  if (std::holds_alternative<sync::Arrive>(operation)) passed_ = std::max(passed_, answer.token);
  if (const auto* acknowledge = std::get_if<sync::Acknowledge>(&operation)) held_.erase(acknowledge->token);
  if (answer.request == awaited_) later(scaled(Time{dice_.between(0, 40)}), [this] { act(); });
}

void SyncClientHost::hold(const sync::Operation& operation, const sync::Answer& answer) {
  const sync::Token token = answer.token;
  const auto* acquired = std::get_if<sync::Acquire>(&operation);
  const auto* received = std::get_if<sync::Receive>(&operation);
  if ((acquired != nullptr && acquired->held != 0) || (received != nullptr && received->held != 0)) return;
  held_.emplace(token, Held{operation, answer.message});
  for (int times = dice_.between(0, 3); times > 0; --times)
    later(scaled(Time{dice_.between(1, 200)}), [this, token] {
      const auto found = held_.find(token);
      if (found == held_.end()) return;
      const auto* acquire = std::get_if<sync::Acquire>(&found->second.operation);
      if (acquire != nullptr && acquire->kind == sync::Kind::lock) world_.sync_witness.used(acquire->name, token, id_);
    });
  later(scaled(Time{dice_.between(1, 250)}), [this, token] { finish(token); });
}

void SyncClientHost::finish(sync::Token token) {
  const auto found = held_.find(token);
  if (found == held_.end()) return act();
  const auto* receive = std::get_if<sync::Receive>(&found->second.operation);
  if (receive != nullptr && dice_.chance(800)) {
    ask(sync::Acknowledge{receive->queue, token});
  } else {
    held_.erase(found);
    ask(sync::Release{token});
  }
  awaited_ = last_;
}

void SyncClientHost::print_what_is_open() const {
  std::printf("open: client %llu: %d steps to come, %zu requests, %zu held\n",
              static_cast<unsigned long long>(id_.value), steps_, open_.size(), held_.size());
}

/// A scheduler of a new epoch knows nothing of it.
void SyncClientHost::start_over() {
  std::erase_if(open_, [](const auto& each) { return std::holds_alternative<sync::Renew>(each.second.operation); });
  std::vector<std::uint64_t> earlier;
  for (auto& [number, open] : open_) {
    earlier.push_back(number);
    if (auto* arrive = std::get_if<sync::Arrive>(&open.operation))
      arrive->round = open.round != 0 ? open.round : arrive->passed + 1;
  }
  join();
  for (const char* queue : queues)
    ask(sync::OpenQueue{queue, {.capacity = 12, .max_deliveries = 3, .durable = queue == queues[0]}});
  if (passed_ > 0) ask(sync::Recall{"barrier", passed_});
  for (const auto& [token, held] : std::map<sync::Token, Held>(held_)) {
    sync::Operation again = held.operation;
    if (auto* acquire = std::get_if<sync::Acquire>(&again)) acquire->held = token;
    if (auto* receive = std::get_if<sync::Receive>(&again)) {
      receive->held = token;
      receive->message = held.message;
    }
    ask(std::move(again));
  }
  for (const std::uint64_t number : earlier) send(number);
}

}  // namespace troupe::scheduler::sim
