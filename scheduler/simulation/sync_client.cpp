#include "scheduler/simulation/sync_client.h"

#include <utility>
#include <vector>

#include "scheduler/simulation/hosts.h"
#include "scheduler/simulation/sync_witness.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time ask_again_after{250};
constexpr Time lease{600};
constexpr const char* queues[] = {"durable", "volatile"};

}  // namespace

SyncClientHost::SyncClientHost(World& world, DriverId id, int steps, int rounds)
    : world_(world), id_(id), dice_(world.seed + id.value, "sync client"), steps_(steps), rounds_(rounds) {}

void SyncClientHost::later(Time delay, std::function<void()> what) {
  world_.timeline.after(delay, [this, what = std::move(what)] {
    if (!is_gone_) what();
  });
}

void SyncClientHost::to_scheduler(const Event& event) {
  world_.network.send(place_of(id_), scheduler_place, [this, event] {
    world_.scheduler->take(event);
    if (is_gone_) world_.scheduler->notice_gone(id_);
  });
}

void SyncClientHost::start() {
  to_scheduler(DriverJoined{id_, {.id = {500 + id_.value}, .name = "client", .program = "/bin/client"}});
  for (const char* queue : queues)
    ask(sync::OpenQueue{queue, {.capacity = 12, .max_deliveries = 3, .durable = queue == queues[0]}});
  awaited_ = last_;  // The first step may well come before the queues are open.
  later(ask_again_after, [this] { ask_again(); });
  later(lease / 3, [this] { renew(); });
}

void SyncClientHost::die() {
  if (std::exchange(is_gone_, true)) return;
  world_.witness.trace("client " + to_text(id_) + " is gone");
  world_.scheduler->notice_gone(id_);
}

void SyncClientHost::ask(sync::Operation operation) {
  open_[++last_] = {std::move(operation)};
  send(last_);
}

void SyncClientHost::send(std::uint64_t number) {
  const std::uint64_t confirmed = open_.empty() ? last_ + 1 : open_.begin()->first;
  to_scheduler(SyncRequested{.driver = id_,
                             .epoch = epoch_,
                             .task = {},
                             .attempt = {},
                             .confirmed_below = confirmed,
                             .requests = {{number, open_.at(number).operation}}});
}

void SyncClientHost::ask_again() {
  to_scheduler(DriverJoined{id_, {.id = {500 + id_.value}, .name = "client", .program = "/bin/client"}});
  for (const auto& [number, open] : open_) send(number);
  later(ask_again_after, [this] { ask_again(); });
}

void SyncClientHost::renew() {
  sync::Renew all;
  for (const auto& [token, held] : held_) all.tokens.push_back(token);
  if (!all.tokens.empty()) ask(std::move(all));
  later(lease / 3, [this] { renew(); });
}

void SyncClientHost::act() {
  if (steps_-- > 0) {
    ask(draw());
    awaited_ = last_;
  } else if (open_.empty() && held_.empty()) {
    // Others may still wait for a round that this one has passed.
    later(rounds_ > 0 ? Time{8000} : Time{1}, [this] { die(); });
  } else {
    steps_ = 0;
    later(Time{20}, [this] { act(); });
  }
}

sync::Operation SyncClientHost::draw() {
  const Time patience = dice_.chance(300) ? Time{dice_.between(0, 400)} : sync::for_ever;
  const std::string queue = queues[dice_.between(0, 1)];
  if (rounds_ > 0 && steps_ < rounds_) return sync::Arrive{.name = "barrier", .parties = 2, .passed = passed_};
  switch (dice_.between(0, 5)) {
    case 0:
    case 1: return sync::Acquire{.name = dice_.chance(700) ? "a" : "b", .lease = lease, .patience = patience};
    case 2:
      return sync::Acquire{.kind = sync::Kind::semaphore,
                           .name = "s",
                           .permits = dice_.between<std::uint32_t>(1, 3),
                           .capacity = 3,
                           .lease = lease,
                           .patience = patience};
    case 3:
    case 4: return sync::Send{queue, to_text(id_) + ':' + std::to_string(last_ + 1), queue == queues[0]};
    default:
      return sync::Receive{.queue = dice_.chance(200) ? queue + ".dead" : queue,
                           .lease = lease,
                           .patience = Time{dice_.between(0, 300)}};
  }
}

void SyncClientHost::take(std::uint32_t epoch, const Effect& effect) {
  if (is_gone_ || epoch < epoch_) return;
  if (epoch > std::exchange(epoch_, epoch) && epoch > 1) start_over();
  if (const auto* answers = std::get_if<AnswerSync>(&effect))
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
  if (answer.request == awaited_) later(Time{dice_.between(0, 40)}, [this] { act(); });
}

void SyncClientHost::hold(const sync::Operation& operation, const sync::Answer& answer) {
  const sync::Token token = answer.token;
  const auto* acquired = std::get_if<sync::Acquire>(&operation);
  const auto* received = std::get_if<sync::Receive>(&operation);
  if ((acquired != nullptr && acquired->held != 0) || (received != nullptr && received->held != 0)) return;
  held_.emplace(token, Held{operation, answer.message, lease});
  for (int times = dice_.between(0, 3); times > 0; --times)
    later(Time{dice_.between(1, 200)}, [this, token] {
      const auto found = held_.find(token);
      if (found == held_.end()) return;
      const auto* acquire = std::get_if<sync::Acquire>(&found->second.operation);
      if (acquire != nullptr && acquire->kind == sync::Kind::lock) world_.sync_witness->used(acquire->name, token, id_);
    });
  later(Time{dice_.between(1, 250)}, [this, token] { finish(token); });
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

/// A scheduler of a new epoch knows nothing of it.
void SyncClientHost::start_over() {
  std::erase_if(open_, [](const auto& each) { return std::holds_alternative<sync::Renew>(each.second.operation); });
  std::vector<std::uint64_t> earlier;
  for (auto& [number, open] : open_) {
    earlier.push_back(number);
    if (auto* arrive = std::get_if<sync::Arrive>(&open.operation))
      arrive->round = open.round != 0 ? open.round : arrive->passed + 1;
  }
  to_scheduler(DriverJoined{id_, {.id = {500 + id_.value}, .name = "client", .program = "/bin/client"}});
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
