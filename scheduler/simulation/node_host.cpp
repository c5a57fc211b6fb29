#include "scheduler/simulation/node_host.h"

#include <algorithm>

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time longest_start{10};       // of a worker; and how long an end takes
constexpr Time longest_awaiting{3000};  // until a worker takes for lost what it awaits

}  // namespace

NodeHost::NodeHost(World& world, std::uint32_t number)
    : world_(world),
      number_(number),
      clock_permille_(world.scenario.nodes[number].clock_permille),
      self_{.node = {number + 1u},
            .name = "node" + std::to_string(number + 1),
            .capacity = world.scenario.nodes[number].capacity},
      remembered_{.cluster = world.cluster},
      dice_(world.scenario.seed + number, "node"),
      silence_dice_(world.scenario.seed + number, "silent workers") {
  world.network.attach(world.places.node(number), [this](Place, Letter&& letter) { take_letter(std::move(letter)); });
}

void NodeHost::start() {
  if (is_up() || is_gone_) return;
  ++self_.incarnation;
  const Timing& timing = world_.scenario.timing;
  core_ = std::make_unique<AgentCore>(AgentSettings{.capacity = self_.capacity,
                                                    .seen = remembered_,
                                                    .heartbeat_interval = timing.heartbeat,
                                                    .idle_timeout = timing.idle_timeout,
                                                    .most_idle_workers = 2,
                                                    .shared_workers = 2,
                                                    .most_sharing_a_worker = 3,
                                                    .kill_grace = timing.kill_grace,
                                                    .start_timeout = start_timeout(timing),
                                                    .worker_timeout = timing.node_timeout,
                                                    .most_lending = 3,
                                                    .lending_patience = timing.kill_grace,
                                                    .planted = world_.scenario.planted},
                                      local_now());
  world_.trace.note(world_.timeline.now(), "starts: agent", self_.node.value, self_.incarnation);
  take(agent::Tick{});
}

void NodeHost::crash() {
  if (!is_up()) return;
  world_.trace.note(world_.timeline.now(), "dies: agent", self_.node.value);
  core_.reset();
  workers_.clear();
  commands_.clear();
  lend_.clear();
  wake_.reset();
}

void NodeHost::leave() {
  crash();
  is_gone_ = true;
}

template <class What>
void NodeHost::later(Time delay, What what) {
  world_.timeline.after(delay, [this, incarnation = self_.incarnation, what = std::move(what)] {
    if (is_up() && incarnation == self_.incarnation) what();
  });
}

Time NodeHost::local_now() const { return world_.timeline.now() * clock_permille_ / 1000; }

void NodeHost::take_letter(Letter&& letter) {
  if (!is_up()) return;
  const StoreAge store = letter.envelope.store();
  const StoreAge seen = core_->seen();
  const StoreAge remembered = remembered_;
  const std::size_t attempts = core_->attempts();
  const auto event = event_of(std::move(letter), world_.cluster);
  if (!event) return;
  take(*event);
  if (core_->attempts() > attempts && std::holds_alternative<agent::OrderArrived>(*event) &&
      (refuse_older("", store, seen) || refuse_older("", store, remembered)))
    world_.witness.breaks("14: node " + std::to_string(number_ + 1) +
                          " takes an order of a scheduler whose store lost what was seen");
}

void NodeHost::take(const agent::Event& event) {
  if (!is_up()) return;
  if (const auto* told = std::get_if<agent::TaskWaits>(&event)) {
    if (told->waits)
      lend_.emplace(told->task, told->attempt);
    else
      lend_.erase({told->task, told->attempt});
    has_a_line_ = true;
  }
  bool starts = false;
  for (auto& effect : core_->step(local_now(), event)) {
    if (const auto* e = std::get_if<agent::StartWorker>(&effect)) starts = starts || e->grant.cpus > 0;
    if (const auto* e = std::get_if<agent::StartCommand>(&effect)) starts = starts || e->order.grant.cpus > 0;
    if (const auto* e = std::get_if<agent::SendReport>(&effect))
      ends_.insert_or_assign({e->report.task, e->report.attempt}, e->report.end);
    act(std::move(effect));
  }
  check_use(starts);
  if (const auto* arrived = std::get_if<agent::OrderArrived>(&event)) has_a_line_ = has_a_line_ || arrived->order.ahead;
  if (core_->waiting_for_room() > 0 && !has_a_line_ && world_.scenario.is_quiet())
    world_.witness.breaks("4: node " + std::to_string(number_ + 1) + " is given more than it has");
}

Milli NodeHost::cpus_in_use() const {
  Milli sum = 0;
  for (const auto& [key, grant] : core_->grants_in_use())
    if (!lend_.contains(key)) sum += grant.cpus;
  return sum;
}

/// More than there is only after a task has gone on, and while nothing begins that takes cpus anew.
void NodeHost::check_use(bool starts) {
  NodeLedger books(self_.capacity);
  bool is_too_much = starts && cpus_in_use() > self_.capacity.cpus;
  for (auto& [key, grant] : core_->grants_in_use()) {
    grant.cpus = 0;
    is_too_much = is_too_much || !books.take_exactly(grant);
  }
  if (is_too_much) world_.witness.breaks("4: node " + std::to_string(number_ + 1) + " uses more than it has");
}

void NodeHost::act(agent::Effect&& effect) {
  if (auto message = message_of(std::move(effect), self_)) {
    const StoreAge& seen = core_->seen();
    const Envelope envelope{world_.cluster, seen.epoch, self_.incarnation, seen.commit_seq};
    const Place from = world_.places.node(number_);
    if (world_.scenario.has_standby) {
      auto copy = *message;
      world_.network.send(from, world_.places.scheduler(1), envelope, std::move(copy));
    }
    return world_.network.send(from, world_.places.scheduler(0), envelope, std::move(*message));
  }
  if (const auto* e = std::get_if<agent::StartWorker>(&effect)) start_worker(e->worker);
  if (auto* e = std::get_if<agent::GiveOrder>(&effect)) tell(e->worker, [this, given = std::move(*e)] { give(given); });
  if (auto* e = std::get_if<agent::GiveResult>(&effect))
    tell(e->worker, [this, given = std::move(*e)] {
      workers_.at(given.worker).book.take_result({given.task, given.attempt}, given.result);
      begin(given.worker);
    });
  if (const auto* e = std::get_if<agent::PassResult>(&effect))
    tell(e->worker, [this, asked = *e] {
      workers_.at(asked.worker).book.pass({asked.task, asked.attempt}, std::to_string(asked.to));
    });
  if (const auto* e = std::get_if<agent::TakeBack>(&effect)) tell(e->worker, [this, asked = *e] { take_back(asked); });
  if (const auto* e = std::get_if<agent::StartCommand>(&effect)) run_command(e->order);
  if (const auto* e = std::get_if<agent::KillWorker>(&effect)) kill(e->worker, e->at_once);
  if (const auto* e = std::get_if<agent::KillCommand>(&effect)) {
    later(dice_.between(Time{1}, longest_start), [this, task = e->task, attempt = e->attempt] {
      command_exits(task, attempt, AttemptEnd::failed, {.signal = 15});
    });
  }
  if (const auto* e = std::get_if<agent::RememberStore>(&effect)) remembered_ = e->seen;
  if (const auto* e = std::get_if<agent::WakeAt>(&effect)) {
    wake_ = e->at;
    const Time away = (e->at - local_now()) * 1000 / clock_permille_ + Time{1};
    later(std::max(away, Time{1}), [this, at = e->at] {
      if (wake_ == at) take(agent::Tick{});
    });
  }
}

// --- workers and commands --------------------------------------------------------------------------------------------

void NodeHost::start_worker(agent::WorkerNumber worker) {
  workers_.emplace(worker, Worker{.book = OrderBook(world_.scenario.planted), .is_stopped = falls_silent()});
  later(dice_.between(Time{1}, longest_start), [this, worker] { gives_sign_of_life(worker); });
}

bool NodeHost::falls_silent() {
  return silence_dice_.chance(world_.scenario.weather.worker_stops_permille) && world_.has_faults();
}

void NodeHost::gives_sign_of_life(agent::WorkerNumber worker) {
  if (!goes_on(worker)) return;
  take(agent::WorkerReady{worker});
  if (const auto known = workers_.find(worker); known != workers_.end() && known->second.lends) {
    const auto& [task, attempt] = known->second.orders.front();
    say(worker, agent::TaskWaits{worker, task, attempt, true});
  }
  const Time interval = 2 * world_.scenario.timing.heartbeat;
  later(std::max(interval * 1000 / clock_permille_, Time{1}), [this, worker] { gives_sign_of_life(worker); });
}

bool NodeHost::goes_on(agent::WorkerNumber worker) const {
  const auto found = workers_.find(worker);
  return found != workers_.end() && !found->second.is_stopped;
}

bool NodeHost::is_hosted(agent::WorkerNumber worker, TaskId task, AttemptId attempt) const {
  return goes_on(worker) && workers_.at(worker).sharers.contains({task, attempt});
}

void NodeHost::worker_exits(agent::WorkerNumber worker, Cause cause, std::optional<std::uint64_t> blamed) {
  const auto gone = workers_.extract(worker);
  if (gone.empty()) return;
  agent::WorkerExited exited{worker, std::move(cause), gone.mapped().begun};
  if (blamed) exited.blamed.push_back(*blamed);
  ends_.clear();
  take(exited);
  check_sharers(gone.mapped().sharers, blamed);
}

/// All of them end with it, and only the one that is to blame may have failed by that.
void NodeHost::check_sharers(const std::map<std::pair<TaskId, AttemptId>, std::uint64_t>& sharers,
                             std::optional<std::uint64_t> blamed) {
  for (const auto& [key, number] : sharers) {
    const auto end = ends_.find(key);
    const std::string name = text_of_attempt(key.first, key.second);
    if (end == ends_.end()) return world_.witness.breaks("3: " + name + " does not end with the worker that it shared");
    if (end->second == AttemptEnd::failed && blamed != number)
      return world_.witness.breaks("3: " + name + " has failed by the doing of another");
  }
}

void NodeHost::end_sharer(agent::WorkerNumber worker, TaskId task, AttemptId attempt) {
  if (dice_.chance(100)) return;
  later(dice_.between(Time{1}, longest_start), [this, worker, task, attempt] {
    if (!is_hosted(worker, task, attempt)) return;
    workers_.at(worker).sharers.erase({task, attempt});
    take(agent::ReportArrived{worker, {.task = task, .attempt = attempt, .end = AttemptEnd::cancelled}});
  });
}

/// It hears what it is told in that order, each a while after it was said.
void NodeHost::tell(agent::WorkerNumber worker, std::function<void()> what) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  found->second.told.push_back(std::move(what));
  later(dice_.between(Time{0}, Time{2}), [this, worker] {
    const auto hearer = workers_.find(worker);
    if (hearer == workers_.end()) return;
    const auto first = std::move(hearer->second.told.front());
    hearer->second.told.pop_front();
    first();
  });
}

void NodeHost::give(const agent::GiveOrder& given) {
  Worker& its = workers_.at(given.worker);
  const auto* actor = std::get_if<ActorWork>(&given.order.work);
  if (actor != nullptr && actor->shares_worker) {
    its.sharers[{given.order.task, given.order.attempt}] = ++its.begun;
    if (!its.is_stopped) run_in(given.worker, given.order);
    return;
  }
  const OrderBook::Key key{given.order.task, given.order.attempt};
  if (its.lends) {
    const auto& [task, attempt] = its.orders.front();
    return say(given.worker, agent::TaskWaits{given.worker, task, attempt, true, {key}});
  }
  if (its.book.take(given.order, given.taken)) its.orders.push_back(key);
  begin(given.worker);
}

void NodeHost::take_back(const agent::TakeBack& asked) {
  Worker& its = workers_.at(asked.worker);
  if (its.sharers.contains({asked.task, asked.attempt})) return end_sharer(asked.worker, asked.task, asked.attempt);
  its.book.take_back({asked.task, asked.attempt});
  begin(asked.worker);
}

/// From worker to worker, past the agent.
void NodeHost::pass(agent::WorkerNumber to, TaskId task, AttemptId attempt) {
  if (dice_.chance(50)) return;  // It is lost.
  later(dice_.between(Time{0}, Time{2}), [this, to, task, attempt] {
    if (!goes_on(to)) return;
    workers_.at(to).book.take_passed_result({task, attempt}, result_of(task, attempt));
    begin(to);
  });
}

void NodeHost::begin(agent::WorkerNumber worker) {
  Worker& its = workers_.at(worker);
  if (its.is_stopped || its.is_under_way || its.orders.empty()) return;
  const auto state = its.book.state_of(its.orders.front());
  if (state == OrderBook::State::waits) {
    if (its.waits_for != its.orders.front()) give_up_later(worker);
    return;
  }
  const RunOrder order = its.book.begin(its.orders.front());
  its.is_under_way = true;
  ++its.begun;
  if (state == OrderBook::State::can_begin) return run_in(worker, order);
  later(Time{1}, [this, worker, task = order.task, attempt = order.attempt] {
    reports(worker, {.task = task, .attempt = attempt, .end = AttemptEnd::cancelled});
  });
}

/// What was passed to it may be lost on its way.
void NodeHost::give_up_later(agent::WorkerNumber worker) {
  Worker& its = workers_.at(worker);
  its.waits_for = its.orders.front();
  later(longest_awaiting, [this, worker, key = its.waits_for] {
    if (!goes_on(worker)) return;
    Worker& waiter = workers_.at(worker);
    if (waiter.is_under_way || waiter.orders.empty() || waiter.orders.front() != key) return;
    waiter.book.take_back(key);
    (void)waiter.book.begin(key);
    waiter.is_under_way = true;
    ++waiter.begun;
    reports(worker, {.task = key.first, .attempt = key.second, .end = AttemptEnd::preempted});
  });
}

void NodeHost::reports(agent::WorkerNumber worker, AttemptReport report) {
  if (!goes_on(worker)) return;
  Worker& its = workers_.at(worker);
  its.orders.pop_front();
  its.is_under_way = false;
  const auto passed_to = its.book.note_end(report);
  for (const std::string& address : passed_to)
    pass(static_cast<agent::WorkerNumber>(std::stoul(address)), report.task, report.attempt);
  say(worker, agent::ReportArrived{worker, std::move(report), passed_to.size()});
  begin(worker);
}

/// The agent hears it in that order.
void NodeHost::say(agent::WorkerNumber worker, agent::Event what) {
  workers_.at(worker).said.push_back(std::move(what));
  const Time longest = dice_.chance(100) ? Time{60} : Time{4};  // An agent may be busy, or late.
  later(dice_.between(Time{0}, longest), [this, worker] {
    const auto sender = workers_.find(worker);
    if (sender == workers_.end()) return;
    const agent::Event first = std::move(sender->second.said.front());
    sender->second.said.pop_front();
    take(first);
  });
}

void NodeHost::wait_in(agent::WorkerNumber worker, TaskId task, AttemptId attempt) {
  if (!goes_on(worker)) return;
  Worker& its = workers_.at(worker);
  if (world_.is_known_to_have_ended(world_.scripts[task].waits_for)) {
    if (std::exchange(its.lends, false)) say(worker, agent::TaskWaits{worker, task, attempt, false});
    return later(dice_.between(Time{0}, Time{3}), [this, worker, task, attempt] { ends(worker, task, attempt); });
  }
  if (!std::exchange(its.lends, true)) {
    its.orders.resize(1);
    say(worker, agent::TaskWaits{worker, task, attempt, true, its.book.return_all()});
  } else if (dice_.chance(50)) {
    say(worker, agent::TaskWaits{worker, task, attempt, true});
  }
  later(dice_.between(Time{1}, Time{20}), [this, worker, task, attempt] { wait_in(worker, task, attempt); });
}

void NodeHost::run_in(agent::WorkerNumber worker, const RunOrder& order) {
  world_.witness.starts(order, self_, world_.store);
  world_.starts(order, self_.capacity);
  const TaskScript& script = world_.scripts[order.task];
  if (dice_.chance(world_.scenario.weather.worker_dies_permille) && world_.has_faults())
    later(dice_.between(Time{0}, script.duration), [this, worker] { worker_exits(worker, {.signal = 9}); });
  if (falls_silent())
    later(silence_dice_.between(Time{0}, script.duration), [this, worker] {
      if (const auto found = workers_.find(worker); found != workers_.end()) found->second.is_stopped = true;
    });
  const TaskId task = order.task;
  const AttemptId attempt = order.attempt;
  if (const auto* actor = std::get_if<ActorWork>(&order.work)) {
    const auto lives = [this, worker, task, attempt, shares = actor->shares_worker] {
      return shares ? is_hosted(worker, task, attempt) : goes_on(worker);
    };
    later(dice_.between(Time{1}, longest_start), [this, worker, task, attempt, lives] {
      if (lives()) take(agent::ActorUp{worker, task, attempt, "ipc://" + text_of_attempt(task, attempt)});
    });
    if (script.failures > 0)
      later(script.duration, [this, worker, task, attempt, lives, shares = actor->shares_worker] {
        if (!lives()) return;
        --world_.scripts[task].failures;
        if (!shares) return worker_exits(worker, {.signal = 11});
        worker_exits(worker, {.signal = 11}, workers_.at(worker).sharers.at({task, attempt}));
      });
    return;
  }
  later(script.duration, [this, worker, task, attempt] {
    world_.scripts[task].waits_for ? wait_in(worker, task, attempt) : ends(worker, task, attempt);
  });
}

/// A function.
void NodeHost::ends(agent::WorkerNumber worker, TaskId task, AttemptId attempt) {
  if (!goes_on(worker)) return;
  TaskScript& its = world_.scripts[task];
  AttemptReport report{.task = task, .attempt = attempt};
  if (its.failures > 0) {
    --its.failures;
    if (its.kills) return worker_exits(worker, {.signal = 6});
    report.end = AttemptEnd::failed;
    report.cause = {.message = "it threw"};
  } else {
    report.result = result_of(task, attempt);
    world_.witness.finishes(report.result);
  }
  reports(worker, std::move(report));
}

void NodeHost::run_command(const RunOrder& order) {
  world_.witness.starts(order, self_, world_.store);
  world_.starts(order, self_.capacity);
  commands_.insert({order.task, order.attempt});
  later(world_.scripts[order.task].duration, [this, task = order.task, attempt = order.attempt] {
    if (!commands_.contains({task, attempt})) return;
    TaskScript& its = world_.scripts[task];
    if (its.failures == 0) return command_exits(task, attempt, AttemptEnd::done, {});
    --its.failures;
    command_exits(task, attempt, AttemptEnd::failed, {.exit_code = 3});
  });
}

void NodeHost::command_exits(TaskId task, AttemptId attempt, AttemptEnd end, Cause cause) {
  if (commands_.erase({task, attempt}) == 0) return;
  AttemptReport report{.task = task, .attempt = attempt, .end = end, .cause = std::move(cause)};
  if (end == AttemptEnd::done) {
    report.result = result_of(task, attempt);
    world_.witness.finishes(report.result);
  }
  take(agent::CommandExited{std::move(report)});
}

/// Most end when they are asked to; some must be made to, and those that are stopped.
void NodeHost::kill(agent::WorkerNumber worker, bool at_once) {
  if (!at_once && (dice_.chance(100) || !goes_on(worker))) return;
  later(dice_.between(Time{1}, longest_start), [this, worker] { worker_exits(worker, {.signal = 15}); });
}

}  // namespace troupe::scheduler::sim
