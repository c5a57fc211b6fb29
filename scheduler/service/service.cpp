#include "scheduler/service/service.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "scheduler/service/listings.h"
#include "scheduler/service/translate.h"

namespace troupe::scheduler {
namespace {

// Without a wish of the core's: how long a turn may wait.
constexpr Time longest_sleep{1000};

// What more ends need would push out of the caches what the first need.
constexpr std::size_t most_prefetched = 256;

// Answers that wait for a commit.
constexpr std::size_t most_looks = 256;

/// Of this process.
std::uint64_t resident_bytes() {
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Time wall_now() { return std::chrono::duration_cast<Time>(std::chrono::system_clock::now().time_since_epoch()); }
Time steady_now() { return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace

Service::Service(ServiceOptions options, TaskStore& store, Transport& transport)
    : options_(std::move(options)),
      store_(store),
      transport_(transport),
      clock_(wall_now(), steady_now()),
      connections_(
          {.most_nodes = options_.settings.most_nodes,
           .most_drivers = options_.settings.most_drivers,
           .longest_silence = 4 * std::max(options_.settings.node_timeout, options_.settings.driver_timeout)}) {}

Result<void> Service::start() {
  auto stored = store_.open(options_.cluster);
  if (!stored) return stored.error();
  age_ = {options_.cluster, stored->epoch, stored->commit_seq};
  const Time time = now();
  last_commit_ = time;
  if (!options_.record.empty()) start_recording(*stored, time);
  scheduler_.emplace(options_.settings, std::move(*stored), time);
  wake_at_ = time;
  if (auto listening = transport_.listen(options_.address(age_.epoch)); !listening) return listening;
  options_.announce(age_.epoch);
  return {};
}

/// A scheduler that cannot record itself goes on without.
void Service::start_recording(const StoredState& stored, Time now) {
  if (auto recorder = EventRecorder::create(options_.record)) {
    recorder_.emplace(std::move(*recorder));
    recorder_->opened(options_.settings, stored, now);
  } else {
    std::fprintf(stderr, "troupe: scheduler: %s\n", recorder.error().message.c_str());
  }
}

Time Service::now() const { return clock_.now(wall_now(), steady_now()); }

Result<void> Service::run(const std::function<bool()>& until_stopped) {
  while (!until_stopped()) {
    const Time wait = std::clamp(wake_at_ - now(), Time(0), longest_sleep);
    const auto arrived = transport_.receive(std::chrono::steady_clock::now() + wait);
    const Time time = now();
    std::vector<std::pair<PeerId, Letters>> letters;
    for (const auto& delivery : arrived)
      if (auto decoded = decode(delivery.frame)) letters.emplace_back(delivery.from, std::move(*decoded));
    prefetch_for(letters);
    for (auto& [from, each] : letters) {
      take(from, std::move(each), time);
      if (refusal_) return *refusal_;
    }
    if (time >= wake_at_) {
      wake_at_ = time + longest_sleep;
      step(time, Tick{});
      for (const DriverId driver : connections_.take_gone(time, options_.settings.driver_timeout / 4,
                                                          [&](PeerId peer) { return transport_.is_gone(peer); }))
        step(time, DriverLeft{driver});
      connections_.forget_silent(time);
      options_.announce(age_.epoch);
    }
    if (refusal_) return *refusal_;
    if (auto taken = take_commit(); !taken) return taken;
    commit_what_waits();
    outbox_.flush(transport_);
    if (recorder_) recorder_->flush();
  }
  return {};
}

void Service::prefetch_for(const std::vector<std::pair<PeerId, Letters>>& letters) const {
  std::vector<Scheduler::EndingAttempt> ending;
  for (const auto& [from, each] : letters)
    for (const auto& message : each.messages)
      if (const auto* report = std::get_if<message::Report>(&message); report && ending.size() < most_prefetched)
        ending.push_back({report->node, report->report.task, report->report.attempt});
  scheduler_->prefetch(ending);
}

void Service::take(PeerId from, Letters&& letters, Time now) {
  if (letters.envelope.cluster != options_.cluster || !may_take(letters)) return;
  for (auto& message : letters.messages) {
    take(from, {letters.envelope, std::move(message)}, now);
    if (outbox_.has_many()) outbox_.flush(transport_);
  }
}

void Service::take(PeerId from, Letter&& letter, Time now) {
  // The driver that a connection logged in as; requests name none.
  const DriverId driver = connections_.driver_at(from);
  if (const auto* hello = std::get_if<message::DriverHello>(&letter.message)) {
    connections_.heard(hello->driver, from, now);
  } else if (const auto* join = std::get_if<message::AgentJoin>(&letter.message)) {
    connections_.heard(join->node, from, now);
  } else if (const auto* beat = std::get_if<message::AgentHeartbeat>(&letter.message)) {
    connections_.heard(beat->node, from, now);
    calls_.heard(beat->node, beat->calls);
    post(from, message::HeartbeatTaken{});
  } else if (const auto* bye = std::get_if<message::AgentBye>(&letter.message)) {
    calls_.left(bye->node);
  } else if (const auto* ask = std::get_if<message::AskTasks>(&letter.message)) {
    auto list = task_list(*scheduler_, *ask);
    for (auto& task : list.tasks) calls_.add_to(task);
    post_behind_commits(from, list);
  } else if (const auto* ask = std::get_if<message::AskTask>(&letter.message)) {
    auto told = task_told(*scheduler_, *ask);
    calls_.add_to(told.summary);
    post_behind_commits(from, told);
  } else if (const auto* ask = std::get_if<message::AskJobs>(&letter.message)) {
    post_behind_commits(from, job_list(*scheduler_, *ask));
  } else if (const auto* ask = std::get_if<message::AskActor>(&letter.message)) {
    if (const auto answer = actor_status(*scheduler_, ask->task)) post_behind_commits(from, *answer);
  } else if (const auto* find = std::get_if<message::FindActor>(&letter.message)) {
    const auto [task, restart, is_sure] = scheduler_->find_actor(find->name);
    post_behind_commits(from, message::NamedActor{find->request, task, restart, is_sure});
  } else if (const auto* ask = std::get_if<message::AskStatus>(&letter.message)) {
    auto status = cluster_status(*scheduler_, *ask, age_);
    status.scheduler.memory_bytes = resident_bytes();
    post(from, status);
  } else if (const auto* ask = std::get_if<message::AskSync>(&letter.message)) {
    post_behind_commits(from, sync_status(*scheduler_, *ask));
  }
  const bool is_bye = std::holds_alternative<message::DriverBye>(letter.message);
  if (const auto event = event_of(std::move(letter), options_.cluster, age_.epoch, driver)) step(now, *event);
  if (is_bye) connections_.left(from);
}

void Service::step(Time now, const Event& event) {
  if (recorder_) recorder_->takes(now, event);
  Effects effects = scheduler_->step(now, event);
  if (recorder_) recorder_->gave(effects);
  for (const auto& effect : effects)
    if (const auto* wake = std::get_if<WakeAt>(&effect)) wake_at_ = std::min(wake_at_, wake->at);
  gate_.take(std::move(effects));
  send_what_may_go();
}

/// An agent has seen more of the store than there is: it was rolled back. Or a later epoch: the next commit tells
/// whether another scheduler took over, or that epoch was lost. What else names a newer store proves nothing, and is
/// meant for another scheduler.
bool Service::may_take(const Letters& letters) {
  const StoreAge seen = letters.envelope.store();
  if (seen.epoch <= age_.epoch && seen.commit_seq <= age_.commit_seq) return true;
  if (std::none_of(letters.messages.begin(), letters.messages.end(), is_of_agent)) {
    if (!std::exchange(told_of_newer_, true))
      std::fprintf(stderr,
                   "troupe: scheduler: a driver is not heard: it has seen epoch %u, commit %llu; this is %u, %llu\n",
                   seen.epoch, static_cast<unsigned long long>(seen.commit_seq), age_.epoch,
                   static_cast<unsigned long long>(age_.commit_seq));
  } else if (seen.epoch > age_.epoch) {
    doubt_ = seen;
  } else {
    refusal_ = refuse_older("the store", age_, seen);
  }
  return false;
}

bool Service::is_commit_due() const {
  const bool is_late =
      options_.longest_commit_pause.count() > 0 && now() - last_commit_ >= options_.longest_commit_pause;
  return is_late || doubt_.has_value();
}

void Service::commit_what_waits() {
  auto batch = gate_.next_batch(is_commit_due());
  if (!batch) {
    if (options_.longest_commit_pause.count() > 0 && !gate_.has_in_flight())
      wake_at_ = std::min(wake_at_, last_commit_ + options_.longest_commit_pause);
    return;
  }
  last_commit_ = now();
  store_.commit(std::move(*batch));
  if (watched_ >= 0) transport_.unwatch(watched_);
  watched_ = store_.descriptor();
  if (watched_ >= 0) transport_.watch(watched_, store_.wants_write());
}

Result<void> Service::take_commit() {
  if (!gate_.has_in_flight()) return {};
  const auto outcome = store_.poll();
  if (!outcome) {
    if (watched_ >= 0) transport_.unwatch(watched_);
    watched_ = store_.descriptor();
    if (watched_ >= 0) transport_.watch(watched_, store_.wants_write());
    wake_at_ = std::min(wake_at_, now() + Time(watched_ >= 0 ? 50 : 1));
    return {};
  }
  if (watched_ >= 0) transport_.unwatch(std::exchange(watched_, -1));
  if (const auto* fenced = std::get_if<Fenced>(&*outcome)) {
    is_fenced_ = true;
    return Error{Fault::refused, "another scheduler took over in epoch " + std::to_string(fenced->epoch) +
                                     "; this one, of epoch " + std::to_string(age_.epoch) + ", has changed nothing"};
  }
  if (const auto* lost = std::get_if<StoreLost>(&*outcome)) return lost->error;
  age_.commit_seq = std::get<Committed>(*outcome).commit_seq;
  if (doubt_) return *refuse_older("the store", age_, *doubt_);
  gate_.committed();
  send_what_may_go();
  return {};
}

void Service::send_what_may_go() {
  for (auto& effect : gate_.take_sends()) {
    const auto outgoing = message_of(std::move(effect), *scheduler_);
    if (!outgoing) continue;
    const PeerId* peer = connections_.peer_of(outgoing->to);
    if (peer != nullptr) post(*peer, outgoing->message);
  }
  for (; !looks_.empty() && looks_.front().batches_before <= gate_.batches_on_disk(); looks_.pop_front())
    post(looks_.front().to, looks_.front().answer);
}

/// Beyond the most the question is lost, as any message may be.
void Service::post_behind_commits(PeerId to, message::Message message) {
  if (looks_.size() == most_looks) return;
  looks_.push_back({gate_.batches_before(), to, std::move(message)});
  send_what_may_go();
}

void Service::post(PeerId to, const message::Message& message) {
  outbox_.post(to, {age_.cluster, age_.epoch, age_.epoch, age_.commit_seq}, message);
}

}  // namespace troupe::scheduler
