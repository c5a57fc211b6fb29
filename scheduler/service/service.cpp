#include "scheduler/service/service.h"

#include <algorithm>
#include <utility>

#include "runtime/base/overloaded.h"

namespace troupe::scheduler {
namespace {

// Without a wish of the core's: how long a turn may wait.
constexpr Time longest_sleep{1000};

}  // namespace

Service::Service(ServiceOptions options, TaskStore& store, Transport& transport)
    : options_(std::move(options)), store_(store), transport_(transport) {}

Result<void> Service::start() {
  wall_at_start_ = std::chrono::duration_cast<Time>(std::chrono::system_clock::now().time_since_epoch());
  steady_at_start_ = std::chrono::steady_clock::now();
  auto stored = store_.open(options_.cluster);
  if (!stored) return stored.error();
  epoch_ = stored->epoch;
  commit_seq_ = stored->commit_seq;
  last_commit_ = now();
  scheduler_.emplace(options_.settings, std::move(*stored), now());
  wake_at_ = now();
  if (auto listening = transport_.listen(options_.address(epoch_)); !listening) return listening;
  options_.announce(epoch_);
  return {};
}

Time Service::now() const {
  // Started from the wall clock, carried on by the steady one: it never goes back.
  return wall_at_start_ + std::chrono::duration_cast<Time>(std::chrono::steady_clock::now() - steady_at_start_);
}

Result<void> Service::run(const std::function<bool()>& until_stopped) {
  while (!until_stopped()) {
    const Time wait = std::clamp(wake_at_ - now(), Time(0), longest_sleep);
    const auto arrived = transport_.receive(std::chrono::steady_clock::now() + wait);
    const Time time = now();
    for (const auto& delivery : arrived) take(delivery, time);
    if (time >= wake_at_) {
      wake_at_ = time + longest_sleep;
      step(time, Tick{});
      options_.announce(epoch_);
    }
    if (refusal_) return *refusal_;
    if (auto taken = take_commit(); !taken) return taken;
    commit_what_waits();
  }
  return {};
}

void Service::take(const Delivery& delivery, Time now) {
  auto letter = decode(delivery.frame);
  if (!letter || letter->envelope.cluster != options_.cluster) return;
  // The driver that a connection logged in as; requests name none.
  const auto known = driver_of_.find(delivery.from);
  const DriverId driver = known == driver_of_.end() ? DriverId{} : known->second;
  std::visit(Overloaded{
                 [&](const message::DriverHello& hello) {
                   drivers_[hello.driver] = delivery.from;
                   driver_of_[delivery.from] = hello.driver;
                   step(now, DriverJoined{hello.driver, hello.job});
                 },
                 [&](const message::DriverBye&) {
                   if (!driver) return;
                   step(now, DriverLeft{driver});
                   drivers_.erase(driver);
                   driver_of_.erase(delivery.from);
                 },
                 [&](const message::Submit& submit) {
                   if (driver) step(now, TasksSubmitted{driver, submit.request, submit.job, submit.tasks});
                 },
                 [&](const message::Cancel& cancel) {
                   if (driver) step(now, CancelRequested{driver, cancel.request, cancel.task});
                 },
                 [&](const message::Release& release) {
                   if (driver) step(now, TasksReleased{driver, release.tasks});
                 },
                 [&](message::Synchronise& ask) {
                   if (!driver) return;
                   step(now, SyncRequested{driver, letter->envelope.epoch, ask.task, ask.attempt, ask.confirmed_below,
                                           std::move(ask.requests)});
                 },
                 [&](const message::AskTasks& ask) { post(delivery.from, list(ask)); },
                 [&](const message::AskStatus& ask) { post(delivery.from, status(ask)); },
                 [&](const message::AgentJoin& join) {
                   if (has_lost(join.seen)) return;
                   nodes_[join.node] = delivery.from;
                   step(now, NodeJoined{join.node, join.incarnation, join.name, join.capacity, join.running});
                 },
                 [&](const message::AgentHeartbeat& beat) {
                   nodes_[beat.node] = delivery.from;
                   step(now, NodeHeard{beat.node, beat.incarnation, beat.running});
                   post(delivery.from, message::HeartbeatTaken{commit_seq_});
                 },
                 [&](const message::AgentBye& bye) {
                   step(now, NodeLeft{bye.node, bye.incarnation});
                 },
                 [&](const message::ActorReady& ready) {
                   step(now, ActorStarted{ready.node, ready.incarnation, ready.task, ready.attempt, ready.address});
                 },
                 [&](const message::Report& report) {
                   step(now, AttemptEnded{report.node, report.incarnation, report.report});
                 },
                 [](const auto&) {},  // What only others may send.
             },
             letter->message);
}

void Service::step(Time now, const Event& event) {
  Effects effects = scheduler_->step(now, event);
  for (auto& effect : effects) {
    if (const auto* wake = std::get_if<WakeAt>(&effect)) {
      wake_at_ = std::min(wake_at_, wake->at);
    } else if (is_write(effect)) {
      gathering_.writes.push_back(*write_from(std::move(effect)));
    }
  }
  const bool nothing_waits = gathering_.writes.empty() && gathering_.sends.empty() && !in_flight_;
  for (auto& effect : effects) {
    if (is_write(effect) || std::holds_alternative<WakeAt>(effect) || std::holds_alternative<Ignored>(effect)) continue;
    if (nothing_waits) {
      send(effect);
    } else {
      gathering_.sends.push_back(std::move(effect));
    }
  }
}

/// An agent has seen more of the store than there is: it was rolled back. Or it has seen a later epoch: the next commit
/// tells whether another scheduler took over, or that epoch was lost.
bool Service::has_lost(StoreSeen seen) {
  if (seen.epoch > epoch_) {
    doubt_ = seen;
  } else if (seen.commit_seq > commit_seq_) {
    refusal_ = refuse_older("the store", age(), {options_.cluster, seen.epoch, seen.commit_seq});
  }
  return seen.epoch > epoch_ || refusal_.has_value();
}

bool Service::is_commit_due() const {
  const bool is_late =
      options_.longest_commit_pause.count() > 0 && now() - last_commit_ >= options_.longest_commit_pause;
  return !gathering_.writes.empty() || is_late || doubt_.has_value();
}

void Service::commit_what_waits() {
  if (in_flight_) return;
  if (!is_commit_due()) {
    if (options_.longest_commit_pause.count() > 0)
      wake_at_ = std::min(wake_at_, last_commit_ + options_.longest_commit_pause);
    for (const auto& effect : std::exchange(gathering_.sends, {})) send(effect);
    return;
  }
  Turn turn = std::exchange(gathering_, {});
  after_commit_ = std::move(turn.sends);
  in_flight_ = true;
  last_commit_ = now();
  store_.commit(std::move(turn.writes));
  if (watched_ >= 0) transport_.unwatch(watched_);
  watched_ = store_.descriptor();
  if (watched_ >= 0) transport_.watch(watched_, store_.wants_write());
}

Result<void> Service::take_commit() {
  if (!in_flight_) return {};
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
                                     "; this one, of epoch " + std::to_string(epoch_) + ", has changed nothing"};
  }
  if (const auto* lost = std::get_if<StoreLost>(&*outcome)) return lost->error;
  in_flight_ = false;
  commit_seq_ = std::get<Committed>(*outcome).commit_seq;
  if (doubt_) return *refuse_older("the store", age(), {options_.cluster, doubt_->epoch, doubt_->commit_seq});
  for (const auto& effect : std::exchange(after_commit_, {})) send(effect);
  return {};
}

void Service::send(const Effect& effect) {
  std::visit(
      Overloaded{
          [&](const WelcomeNode& each) { to_node(each.node, message::AgentWelcome{commit_seq_}); },
          [&](const AskToJoin& each) { to_node(each.node, message::PleaseJoin{}); },
          [&](const RunTask& each) {
            if (auto order = scheduler_->order(each.task, each.attempt))
              to_node(each.node, message::Run{std::move(*order)});
          },
          [&](const StopAttempt& each) {
            to_node(each.node, message::Stop{each.task, each.attempt});
          },
          [&](const AcknowledgeReport& each) {
            to_node(each.node, message::ReportTaken{each.task, each.attempt});
          },
          [&](const WelcomeDriver& each) {
            to_driver(each.driver, message::DriverWelcome{static_cast<std::uint64_t>(each.since.count())});
          },
          [&](const AnswerRequest& each) {
            to_driver(each.driver, message::Answer{each.request, each.refusal});
          },
          [&](const TellTaskEnded& each) {
            to_driver(each.driver, message::TaskEnded{each.task, each.state, each.result, each.cause, each.attempts});
          },
          [&](const TellActorUp& each) {
            to_driver(each.driver, message::ActorUp{each.task, each.attempt, each.address});
          },
          [&](const TellActorDown& each) {
            to_driver(each.driver, message::ActorDown{each.task, each.attempt, each.cause});
          },
          [&](const AnswerSync& each) { to_driver(each.driver, message::Synchronised{each.answers}); },
          [](const auto&) {},  // Writes and what is not sent were taken out before.
      },
      effect);
}

message::TaskList Service::list(const message::AskTasks& ask) const {
  message::TaskList answer{ask.request, {}};
  for (const auto& record : scheduler_->tasks_of(ask.job)) {
    const auto& attempts = record.progress.attempts;
    answer.tasks.push_back({record.spec.id, record.spec.name, record.progress.state,
                            static_cast<std::uint32_t>(attempts.size()),
                            attempts.empty() ? NodeId{} : attempts.back().node});
  }
  return answer;
}

message::ClusterStatus Service::status(const message::AskStatus& ask) const {
  message::ClusterStatus answer{.request = ask.request, .epoch = epoch_, .commit_seq = commit_seq_};
  for (const auto& view : scheduler_->nodes())
    answer.nodes.push_back(
        {view.node, view.name, view.capacity, view.free_cpus, view.alive, static_cast<std::uint32_t>(view.running)});
  return answer;
}

void Service::to_node(NodeId node, const message::Message& message) {
  const auto peer = nodes_.find(node);
  if (peer != nodes_.end()) post(peer->second, message);
}

void Service::to_driver(DriverId driver, const message::Message& message) {
  const auto peer = drivers_.find(driver);
  if (peer != drivers_.end()) post(peer->second, message);
}

void Service::post(PeerId to, const message::Message& message) {
  transport_.send(to, encode({options_.cluster, epoch_, epoch_}, message));
}

}  // namespace troupe::scheduler
