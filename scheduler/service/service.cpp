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
  const auto stored = store_.open(options_.cluster);
  if (!stored) return stored.error();
  epoch_ = stored->epoch;
  scheduler_.emplace(options_.settings, *stored, now());
  wake_at_ = now();
  return transport_.listen(options_.address);
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
    }
    if (auto taken = take_commit(); !taken) return taken;
    commit_what_waits();
  }
  return {};
}

void Service::take(const Delivery& delivery, Time now) {
  const auto letter = decode(delivery.frame);
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
                   if (driver) step(now, TasksSubmitted{driver, submit.request, submit.job, submit.tasks, submit.from});
                 },
                 [&](const message::Cancel& cancel) {
                   if (driver) step(now, CancelRequested{driver, cancel.request, cancel.task});
                 },
                 [&](const message::Drain& drain) {
                   if (driver) step(now, DrainRequested{driver, drain.request, drain.node, drain.drain});
                 },
                 [&](const message::Release& release) {
                   if (driver) step(now, TasksReleased{driver, release.tasks});
                 },
                 [&](const message::AskTasks& ask) { post(delivery.from, list(ask)); },
                 [&](const message::AgentJoin& join) {
                   const bool is_first = nodes_.empty();
                   nodes_[join.node] = delivery.from;
                   step(now, NodeJoined{join.node, join.incarnation, join.name, join.capacity, join.running});
                   if (is_first && options_.on_first_node) options_.on_first_node();
                 },
                 [&](const message::AgentHeartbeat& beat) {
                   nodes_[beat.node] = delivery.from;
                   step(now, NodeHeard{beat.node, beat.incarnation, beat.running});
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
    } else if (auto* job = std::get_if<SaveJob>(&effect)) {
      gathering_.writes.emplace_back(std::move(*job));
    } else if (auto* task = std::get_if<SaveTask>(&effect)) {
      gathering_.writes.emplace_back(std::move(*task));
    } else if (auto* progress = std::get_if<SaveProgress>(&effect)) {
      gathering_.writes.emplace_back(std::move(*progress));
    } else if (auto* saved = std::get_if<SaveCached>(&effect)) {
      gathering_.writes.emplace_back(std::move(*saved));
    } else if (auto* dropped = std::get_if<DropCached>(&effect)) {
      gathering_.writes.emplace_back(std::move(*dropped));
    } else if (const auto* drain = std::get_if<SaveDrain>(&effect)) {
      gathering_.writes.emplace_back(*drain);
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

void Service::commit_what_waits() {
  if (in_flight_) return;
  if (gathering_.writes.empty()) {
    for (const auto& effect : std::exchange(gathering_.sends, {})) send(effect);
    return;
  }
  Turn turn = std::exchange(gathering_, {});
  after_commit_ = std::move(turn.sends);
  in_flight_ = true;
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
  if (const auto* fenced = std::get_if<Fenced>(&*outcome))
    return Error{Fault::refused, "another scheduler took over in epoch " + std::to_string(fenced->epoch) +
                                     "; this one, of epoch " + std::to_string(epoch_) + ", has changed nothing"};
  if (const auto* lost = std::get_if<StoreLost>(&*outcome)) return lost->error;
  in_flight_ = false;
  for (const auto& effect : std::exchange(after_commit_, {})) send(effect);
  return {};
}

void Service::send(const Effect& effect) {
  std::visit(
      Overloaded{
          [&](const WelcomeNode& each) { to_node(each.node, message::AgentWelcome{}); },
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
          [&](const WelcomeDriver& each) { to_driver(each.driver, message::DriverWelcome{}); },
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
