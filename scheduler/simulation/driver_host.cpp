#include "scheduler/simulation/driver_host.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {
namespace {

constexpr int most_patience = 16;  // how many times longer than at first it waits before it asks again

}  // namespace

DriverHost::DriverHost(World& world, std::uint32_t number)
    : world_(world),
      number_(number),
      plan_(world.scenario.drivers[number]),
      dice_(world.scenario.seed + number, "driver's own"),
      planned_cancels_(plan_.cancels.size()) {
  world.network.attach(world.places.driver(number), [this](Place, Letter&& letter) { take(std::move(letter)); });
}

void DriverHost::start() {
  for (const auto& batch : plan_.batches) {
    if (batch.from) {
      to_be_added_.emplace(batch.from, &batch);
    } else {
      world_.timeline.at(batch.at, [this, &batch] { submit(batch); });
    }
  }
  for (const auto& each : plan_.cancels)
    world_.timeline.at(each.at, [this, &each] {
      --planned_cancels_;
      cancel(each.task);
    });
  if (plan_.dies_at) world_.timeline.at(*plan_.dies_at, [this] { die(); });
  world_.timeline.at(plan_.starts_at, [this] { beat(); });
}

void DriverHost::die() {
  if (std::exchange(is_gone_, true)) return;
  world_.trace.note(world_.timeline.now(), "is gone: driver", id().value);
  for (const auto& scheduler : world_.schedulers) scheduler->notice_gone(id());
}

void DriverHost::to_schedulers(message::Message&& message) {
  const Envelope envelope{world_.cluster, epoch_, id().value};
  const Place from = world_.places.driver(number_);
  if (world_.scenario.has_standby) {
    auto copy = message;
    world_.network.send(from, world_.places.scheduler(1), envelope, std::move(copy));
  }
  world_.network.send(from, world_.places.scheduler(0), envelope, std::move(message));
}

/// Tells that it is there, and asks again what was not answered: messages may be lost, and a scheduler that starts
/// again knows nothing of a driver.
void DriverHost::beat() {
  if (is_gone_) return;
  leave_when_done();
  if (is_gone_) return;
  const Time now = world_.timeline.now();
  message::DriverHello hello{id(), plan_.own, epoch_ > 0 ? given_ : 0, {}};
  for (std::uint32_t number = 1; number <= hello.given; ++number)
    if (!ends_[{plan_.own.id, number}].is_submitted) hello.unsent.push_back(number);
  to_schedulers(std::move(hello));
  send_due();
  for (auto& [request, cancel] : cancels_) {
    if (now < cancel.ask_again_at) continue;
    cancel.ask_again_at = now + world_.scenario.timing.ask_again;
    to_schedulers(message::Cancel{request, cancel.task});
  }
  if (!of_no_use_.empty() && sent_.size() == plan_.batches.size())
    to_schedulers(message::Release{std::exchange(of_no_use_, {})});
  world_.timeline.after(world_.scenario.timing.heartbeat, [this] { beat(); });
}

void DriverHost::submit(const PlannedBatch& batch) {
  if (is_gone_) return;
  for (const auto& spec : batch.tasks) ends_[spec.id].batch = sent_.size();
  sent_.push_back({.batch = &batch,
                   .request = ++last_request_,
                   .open_tasks = batch.tasks.size(),
                   .patience = world_.scenario.timing.ask_again});
  send_due();
}

void DriverHost::runs(TaskId task) {
  const auto [first, last] = to_be_added_.equal_range(task);
  for (auto each = first; each != last; ++each)
    world_.timeline.after(each->second->at, [this, batch = each->second] { submit(*batch); });
  to_be_added_.erase(first, last);
}

void DriverHost::drop(const PlannedBatch& batch) {
  for (const auto& spec : batch.tasks) ends_[spec.id].batch = sent_.size();
  sent_.push_back({.batch = &batch, .is_answered = true, .open_tasks = batch.tasks.size()});
  for (const auto& spec : batch.tasks) ended(spec.id, TaskState::skipped);
}

/// The batches of one job one after the other: a later one may come after tasks of an earlier one. What a task adds
/// waits for none.
void DriverHost::send_due() {
  const Time now = world_.timeline.now();
  std::vector<JobId> blocked;
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    Sent& sent = sent_[i];
    const JobId job = sent.batch->job.id;
    if (!sent.batch->from) {
      if (std::find(blocked.begin(), blocked.end(), job) != blocked.end()) continue;
      if (!sent.is_answered) blocked.push_back(job);
    }
    if ((sent.is_answered && sent.open_tasks == 0) || (sent.is_under_way && now < sent.ask_again_at)) continue;
    send(sent);
  }
}

void DriverHost::send(Sent& sent) {
  sent.is_under_way = true;
  sent.ask_again_at = world_.timeline.now() + sent.patience;
  sent.patience = std::min(2 * sent.patience, most_patience * world_.scenario.timing.ask_again);
  if (sent.batch->job.id == plan_.own.id)
    for (const auto& spec : sent.batch->tasks) {
      given_ = std::max(given_, spec.id.number);
      ends_[spec.id].is_submitted = true;
    }
  to_schedulers(message::Submit{sent.request, sent.batch->job, still_open(*sent.batch),
                                sent.batch->is_nested ? TaskId{} : sent.batch->from});
}

/// What has not ended yet, in terms of what has not: results that are known here need not come from the scheduler.
std::vector<TaskSpec> DriverHost::still_open(const PlannedBatch& batch) {
  if (batch.job.durable) return batch.tasks;
  for (const auto& spec : batch.tasks) {
    const bool cannot_run = std::any_of(spec.after.begin(), spec.after.end(), [this](TaskId before) {
      return ends_[before].is_known && ends_[before].state != TaskState::done;
    });
    if (cannot_run) ended(spec.id, TaskState::skipped);
  }
  // A gang is submitted whole: what is left of one is a smaller one, and of a broken one nothing is left.
  for (const auto& spec : batch.tasks) {
    if (!spec.gang || !has_ended(spec.id) || ends_[spec.id].state == TaskState::done) continue;
    for (const auto& other : batch.tasks)
      if (other.gang && other.gang->gang == spec.gang->gang) ended(other.id, ends_[spec.id].state);
  }
  std::vector<TaskSpec> open;
  std::map<std::uint32_t, std::uint32_t> gang_sizes;
  for (const auto& spec : batch.tasks) {
    if (has_ended(spec.id)) continue;
    open.push_back(spec);
    std::erase_if(open.back().after, [this](TaskId before) { return has_ended(before); });
    for (const TaskId before : spec.inputs)
      open.back().inputs_epoch = std::max(open.back().inputs_epoch, ends_[before].told_in_epoch);
    std::erase_if(open.back().inputs.as_vector(), [this](TaskId before) { return has_ended(before); });
    if (spec.gang) open.back().gang->rank = gang_sizes[spec.gang->gang]++;
  }
  for (auto& spec : open)
    if (spec.gang) spec.gang->size = gang_sizes[spec.gang->gang];
  return open;
}

void DriverHost::cancel(TaskId task) {
  if (is_gone_ || has_ended(task)) return;
  cancels_[++last_request_] = {task, world_.timeline.now() + world_.scenario.timing.ask_again};
  to_schedulers(message::Cancel{last_request_, task});
}

void DriverHost::take(Letter&& letter) {
  if (is_gone_ || letter.envelope.cluster != world_.cluster || letter.envelope.epoch < epoch_) return;
  if (letter.envelope.epoch > epoch_) {
    epoch_ = letter.envelope.epoch;
    for (auto& sent : sent_) {  // the new one knows nothing of what is not durable
      sent.ask_again_at = world_.timeline.now();
      sent.is_answered = sent.open_tasks == 0;
    }
    send_due();
  }
  if (const auto* answer = std::get_if<message::Answer>(&letter.message)) {
    const auto sent =
        std::find_if(sent_.begin(), sent_.end(), [&](const Sent& each) { return each.request == answer->request; });
    if (sent == sent_.end() || std::exchange(sent->is_answered, true)) return;
    if (!answer->refusal.empty())
      for (const auto& spec : sent->batch->tasks) ended(spec.id, TaskState::failed);
    send_due();
  } else if (const auto* told = std::get_if<message::TaskEnded>(&letter.message)) {
    ended(told->task, told->state, told->result);
  }
}

/// A cancel is asked for until the end is told: an answer alone may come from a scheduler that dies right after, and
/// the next one runs again what is submitted again.
void DriverHost::ended(TaskId task, TaskState state, const Bytes& result) {
  End& end = ends_[task];
  if (std::exchange(end.is_known, true)) return;
  end.state = state;
  end.result = result;
  end.told_in_epoch = epoch_;
  if (state == TaskState::done) check_used(result);
  if (end.batch < sent_.size()) --sent_[end.batch].open_tasks;
  std::erase_if(cancels_, [&](const auto& cancel) { return cancel.second.task == task; });
  if (dice_.chance(300)) of_no_use_.push_back(task);
  const auto [first, last] = to_be_added_.equal_range(task);
  const std::vector<std::pair<TaskId, const PlannedBatch*>> not_added(first, last);
  to_be_added_.erase(first, last);
  for (const auto& [from, batch] : not_added) drop(*batch);
}

/// What it was made of is what this driver has been told, by whichever scheduler: unless the store's files were
/// replaced by older ones and then put back, and so two schedulers each told what became of their own.
void DriverHost::check_used(const Bytes& result) {
  if (world_.store.was_replaced()) return;
  for (const Bytes& used : world_.witness.used_by(result)) {
    const End& before = ends_[task_of(used)];
    if (before.is_known && before.state == TaskState::done && before.result != used)
      world_.witness.breaks("2: driver " + std::to_string(number_ + 1) + " is told of " + result + ", made of " + used +
                            ", after " + before.result);
  }
}

bool DriverHost::is_done() const {
  return planned_cancels_ == 0 && cancels_.empty() && sent_.size() == plan_.batches.size() &&
         std::all_of(sent_.begin(), sent_.end(),
                     [](const Sent& sent) { return sent.is_answered && sent.open_tasks == 0; });
}

void DriverHost::print_what_is_open() const {
  std::printf("open: driver %u: %zu of %zu batches submitted, %zu cancels to come, %zu open\n", number_ + 1,
              sent_.size(), plan_.batches.size(), planned_cancels_, cancels_.size());
  for (const auto& sent : sent_)
    if (sent.open_tasks > 0 || !sent.is_answered)
      std::printf("open: request %llu, %zu tasks%s\n", static_cast<unsigned long long>(sent.request), sent.open_tasks,
                  sent.is_answered ? ", answered" : "");
}

void DriverHost::leave_when_done() {
  if (!is_done()) return;
  to_schedulers(message::DriverBye{});
  die();
}

}  // namespace troupe::scheduler::sim
