#include "runtime/worker/worker.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/base/abi.h"
#include "runtime/wire/outbox.h"
#include "runtime/worker/begun_file.h"
#include "runtime/worker/call_book.h"
#include "runtime/worker/call_rings.h"
#include "runtime/worker/cancelled_calls.h"
#include "runtime/worker/executor.h"
#include "runtime/worker/hosted_actor.h"
#include "runtime/worker/kept_state.h"
#include "runtime/worker/mailbox.h"
#include "runtime/worker/neighbours.h"
#include "runtime/worker/order_book.h"
#include "runtime/worker/outgoing.h"
#include "runtime/worker/talk_turns.h"
#include "runtime/worker/task_runner.h"
#include "runtime/worker/threaded_actor.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds sign_of_life_interval{1000};

// For what another worker passed on may be lost. Its agent is sooner out of patience with what has not ended.
constexpr std::chrono::seconds longest_awaiting{3};

constexpr std::size_t most_gathered_bytes = 1u << 20;  // Of calls that share a write to disk.

class Worker {
 public:
  Worker(const WorkerOptions& options, const Catalog& catalog, Transport& transport)
      : options_(options),
        catalog_(catalog),
        transport_(transport),
        turns_([this] { transport_.wake(); }),
        agent_(agent_from(transport, options)),
        neighbours_(transport),
        begun_(options.own_address),
        tasks_(options, catalog, begun_, cancelled_),
        rings_(options.own_address,
               {[this](std::uint64_t caller) { greet(caller); }, [this](std::uint64_t caller) { forget(caller); }}),
        executor_(rings_.bell(), {.serve = [this] { return serve(); },
                                  .has_more = [this] { return !is_full() && rings_.has_more(); },
                                  .wait = [this] { wait_for_more(); }}) {}
  ~Worker() {
    executor_.stop();
    actors_.clear();  // Their threads post to it to the end.
  }
  Worker(const Worker&) = delete;

  void run(const std::stop_token& until) {
    const std::stop_callback on_stop(until, [this] { turns_.end(); });
    for (; turns_.wait(); turns_.pass()) talk(Clock::time_point::max(), nullptr);
  }

 private:
  using Key = std::pair<TaskId, AttemptId>;

  struct Actor {
    Mailbox mailbox;
    HostedActor own;                          // Unless it has threads.
    std::unique_ptr<ThreadedActor> threaded;  // Or none.
    std::optional<KeptState> kept;            // If it survives a restart.
    std::vector<message::Call> gathered;      // Of a logged one: the calls that share a write to disk.
  };

  /// Before there is a second thread, which may talk at once.
  static PeerId agent_from(Transport& transport, const WorkerOptions& options) {
    if (options.termination != nullptr) transport.watch(options.termination->descriptor(), false);
    const auto listening = transport.listen(options.own_address);
    TROUPE_CHECK(listening, "a worker's own address is free");
    const auto agent = transport.connect(options.agent_address);
    TROUPE_CHECK(agent, "an agent's address can be connected to");
    return *agent;
  }

  // --- on the thread whose turn it is to talk ------------------------------------------------------------------------

  void talk(Clock::time_point limit, const Besides* besides) {
    tasks_.heed_termination();
    send_what_is_due();
    rings_.look_at_door(transport_, [this](auto piece) { executor_.post(std::move(piece)); });
    for (const auto& delivery :
         transport_.receive(std::min({limit, outgoing_.send_at(), sign_of_life_at_, rings_.look_at()}), besides))
      take(delivery);
  }

  void take(const Delivery& delivery) {
    auto letters = decode(delivery.frame);
    if (!letters || letters->envelope.cluster != options_.cluster) return;
    for (auto& message : letters->messages) {
      if (auto* run = std::get_if<message::Run>(&message)) {
        if (delivery.from == agent_) start(std::move(run->order), run->taken);
      } else if (const auto* stop = std::get_if<message::Stop>(&message)) {
        if (delivery.from == agent_) take_back({stop->task, stop->attempt});
      } else if (const auto* awaited = std::get_if<message::AwaitedResult>(&message)) {
        take_result({awaited->task, awaited->attempt}, awaited->result, delivery.from == agent_);
      } else if (auto* pass = std::get_if<message::PassResult>(&message)) {
        if (delivery.from == agent_) pass_result({pass->task, pass->attempt}, std::move(pass->address));
      } else if (const auto* cancel = std::get_if<message::CancelCall>(&message)) {
        cancelled_.cancel(*cancel);
      } else if (auto* call = std::get_if<message::Call>(&message)) {
        executor_.post([this, from = delivery.from, call = std::move(*call)]() mutable {
          callers_[call.caller] = from;
          take_call(std::move(call));
          run_gathered();
        });
      }
    }
  }

  void start(RunOrder order, std::uint64_t taken) {
    const Key key{order.task, order.attempt};
    std::unique_lock lock(mutex_);
    if (waits_) return note_wait(*waits_, true, {key});
    const auto place = orders_.take(std::move(order), taken);
    lock.unlock();
    if (place) executor_.post([this, key, place = *place] { begin(key, place); });  // Otherwise: the same order again.
  }

  void take_back(Key key) {
    {
      const std::lock_guard lock(mutex_);
      orders_.take_back(key);
    }
    executor_.post([this, key] {
      if (const auto actor = actors_.find(key); actor != actors_.end() && actor->second.threaded)
        actor->second.threaded->end();
    });
  }

  void take_result(Key awaited, const Bytes& result, bool is_from_agent) {
    const std::lock_guard lock(mutex_);
    is_from_agent ? orders_.take_result(awaited, result) : orders_.take_passed_result(awaited, result);
  }

  /// One that has just ended is not passed any more, and its report not to gather: the result goes by the agent then.
  void pass_result(Key key, std::string address) {
    const std::lock_guard lock(mutex_);
    orders_.pass(key, std::move(address));
    if (outgoing_.has_report_of(key.first, key.second)) outgoing_.hurry();
  }

  // --- on the executor's thread --------------------------------------------------------------------------------------

  /// Talks meanwhile.
  template <class MayGoOn>
  void wait_until(MayGoOn may_go_on, const Besides& besides, Clock::time_point limit) {
    turns_.take();
    while (!may_go_on() && Clock::now() < limit) talk(limit, &besides);
    turns_.leave();
  }

  void wait_for_more() {
    const auto has_more = [this] { return executor_.has_more(); };
    wait_until(has_more, {rings_.bell(), has_more}, first_due());
  }

  /// False: it has not come.
  bool wait_for_what_it_awaits(Key key) {
    const auto is_stopping = [this] { return executor_.is_stopping(); };
    const auto may_begin = [this, key] {
      const std::lock_guard lock(mutex_);
      return orders_.state_of(key) != OrderBook::State::waits;
    };
    if (may_begin()) return true;
    wait_until([&] { return is_stopping() || may_begin(); }, {rings_.bell(), is_stopping},
               Clock::now() + longest_awaiting);
    return may_begin();
  }

  void begin(Key key, std::uint64_t place) {
    {
      const std::lock_guard lock(mutex_);
      if (!orders_.holds(key, place)) return;  // It was returned.
    }
    const bool has_come = wait_for_what_it_awaits(key);
    if (executor_.is_stopping()) return;
    std::unique_lock lock(mutex_);
    if (!has_come) orders_.take_back(key);
    const bool is_taken_back = orders_.state_of(key) == OrderBook::State::taken_back;
    const RunOrder order = orders_.begin(key);
    lock.unlock();
    const std::uint64_t number = begun_.count_one();
    const auto* actor = std::get_if<ActorWork>(&order.work);
    if (!has_come) {
      report(report_of(key, AttemptEnd::preempted, "what it awaits has not come"));
    } else if (is_taken_back) {
      report(stopped(key));
    } else if (actor != nullptr) {
      actor->shares_worker || actor->concurrency ? start_threaded(order, number) : start_actor(order);
    } else {
      report(tasks_.run(order, [this, key](bool waits) { task_waits(key, waits); }));
    }
  }

  /// What it has not begun would wait too.
  void task_waits(Key key, bool waits) {
    {
      const std::lock_guard lock(mutex_);
      waits_ = waits ? std::optional(key) : std::nullopt;
      note_wait(key, waits, waits ? orders_.return_all() : std::vector<Key>());
    }
    if (!send_unless_somebody_talks()) transport_.wake();
  }

  static AttemptReport report_of(Key key, AttemptEnd end, std::string why) {
    return {key.first, key.second, end, {}, {.message = std::move(why)}};
  }
  static AttemptReport stopped(Key key) { return report_of(key, AttemptEnd::cancelled, "it was told to stop"); }

  void report(AttemptReport made) {
    std::uint32_t passed = 0;
    {
      const std::lock_guard lock(mutex_);
      auto pass_to = orders_.note_end(made);
      passed = static_cast<std::uint32_t>(pass_to.size());
      if (passed > 0) outgoing_.pass(std::move(pass_to), {made.task, made.attempt, made.result});
    }
    post(agent_, message::Report{{}, 0, std::move(made), passed});
    send_unless_somebody_talks();  // Whatever comes next may take long.
  }

  bool send_unless_somebody_talks() {
    if (!turns_.try_to_take()) return false;
    send_what_is_due();
    turns_.pass();
    return true;
  }

  void start_actor(const RunOrder& order) {
    Actor made;
    tasks_.begin_output(order);  // To the end of the process: it has this worker for itself.
    const auto fail = [&](std::string why) {
      tasks_.end_output();
      report(report_of({order.task, order.attempt}, AttemptEnd::failed, std::move(why)));
    };
    if (std::string why = made.own.make(order, catalog_, options_); !why.empty())
      return fail(std::move(why) + tasks_.output().last_lines());
    if (std::get<ActorWork>(order.work).restart) {
      const auto& folder = order.durable ? options_.detached_state_folder : options_.state_folder;
      auto opened = KeptState::open(order, folder, made.own);
      if (!opened) return fail(opened.error().message);
      for (const auto& [id, caller] : opened->callers()) made.mailbox.skip_to(id, caller.last);
      made.kept.emplace(std::move(*opened));
      hosts_kept_ = true;
    }
    made.own.note_in(call_book_.open(order.task, order.attempt), true);
    actors_.emplace(Key{order.task, order.attempt}, std::move(made));
    is_up({order.task, order.attempt});
  }

  /// It talks from its thread, and all that becomes of it happens on the executor's.
  void start_threaded(const RunOrder& order, std::uint64_t number) {
    const Key key{order.task, order.attempt};
    const bool is_alone = !std::get<ActorWork>(order.work).shares_worker;
    if (actors_.empty()) tasks_.begin_output(order);  // What others print who share it goes there, too.
    actors_[key].threaded = std::make_unique<ThreadedActor>(
        order, number, catalog_, options_, begun_, cancelled_, call_book_.open(order.task, order.attempt),
        ThreadedActor::Outlet{
            .up = [this, key] { is_up(key); },
            .answer =
                [this](std::uint64_t caller, std::uint32_t link, message::CallAnswer made) {
                  executor_.post([this, caller, link, made = std::move(made)] {
                    // By another link the caller counts from 1 again, and knows of no such call.
                    if (link_of(caller) == link) answer(caller, made);
                  });
                },
            .ended =
                [this, key, is_alone](const std::string& why) {
                  executor_.post([this, key, is_alone, why] {
                    if (is_alone) alone_ = nullptr;
                    actors_.erase(key);
                    if (is_alone) tasks_.end_output();
                    // Nobody awaits the end of an actor.
                    post(agent_,
                         message::Report{{}, 0, why.empty() ? stopped(key) : report_of(key, AttemptEnd::failed, why)});
                  });
                }});
    if (is_alone) alone_ = actors_[key].threaded.get();
  }

  /// 0: it has none.
  std::uint32_t link_of(std::uint64_t caller) const {
    const auto link = links_of_.find(caller);
    return link == links_of_.end() ? 0 : link->second;
  }

  void greet(std::uint64_t caller) {
    forget(caller);
    links_of_[caller] = ++links_;
  }

  /// It counts from 1 again over its next link. What a kept actor knows of it lasts.
  void forget(std::uint64_t caller) {
    links_of_.erase(caller);
    cancelled_.start_over(caller);
    for (auto& [key, actor] : actors_)
      if (!actor.kept) actor.mailbox.start_over(caller);
  }

  void is_up(Key key) { post(agent_, message::ActorReady{{}, 0, key.first, key.second, options_.own_address}); }

  void take_call(message::Call call) {
    const std::uint64_t caller = call.caller;
    const auto found = actors_.find({call.actor, call.attempt});
    if (found == actors_.end()) return answer(caller, gone_answer(call));
    Actor& actor = found->second;
    const auto& [task, attempt] = found->first;
    const std::uint64_t number = call.number;
    if (number == 0 && actor.kept) return answer(caller, actor.kept->tell_what_is_kept(call, actor.mailbox));
    const auto arrival = actor.mailbox.arrive(std::move(call));
    if (arrival == Mailbox::Arrival::too_early)
      answer(caller, {task, number, false, {}, "too many calls wait for an earlier one", attempt});
    if (arrival == Mailbox::Arrival::repeated && actor.kept)
      if (const auto again = actor.kept->answer_again(caller, number)) answer(caller, *again);
    while (auto ready = actor.mailbox.next()) {
      if (actor.threaded) {
        actor.threaded->take(std::move(*ready), link_of(caller));
      } else if (actor.kept && actor.kept->is_logged()) {
        gathered_bytes_ += bytes_of(*ready);
        actor.gathered.push_back(std::move(*ready));
      } else {
        if (!actor.kept) {
          answer(caller, run_call(actor.own, *ready));
          continue;
        }
        answer(caller, actor.own.answer(*ready));
        actor.kept->note(*ready);
        if (!write_checkpoint_if_due({task, attempt}, actor)) return;
      }
    }
  }

  message::CallAnswer run_call(HostedActor& actor, const message::Call& call) {
    const CancelledCalls::Running own(cancelled_, call);
    if (own.is_cancelled()) return cancelled_answer(call);
    auto made = actor.answer(call);
    if (!made.ok) made.error += tasks_.output().last_lines();
    return made;
  }

  /// Its callers' rings hold up what they send, as those of an actor with one thread do. Where several share the worker
  /// none may be held up for another.
  bool is_full() const { return alone_ != nullptr && alone_->is_full(); }

  bool serve() {
    tasks_.heed_termination();
    if (is_full()) return false;
    const auto take = [this](message::Call call) { take_call(std::move(call)); };
    const bool had_any = rings_.serve(take);
    // What comes while more of it is fetched shares the write to disk.
    while (gathered_bytes_ > 0 && gathered_bytes_ < most_gathered_bytes && rings_.serve(take)) {
    }
    run_gathered();
    return had_any;
  }

  /// And writes checkpoints that are due.
  void run_gathered() {
    if (!hosts_kept_) return;
    gathered_bytes_ = 0;
    for (auto each = actors_.begin(); each != actors_.end();) {
      auto& [key, actor] = *each++;
      if (!actor.gathered.empty()) {
        auto calls = std::exchange(actor.gathered, {});
        const auto ran =
            actor.kept->run(calls, actor.own, [this](std::uint64_t caller, const auto& made) { answer(caller, made); });
        if (!ran) {
          for (const auto& call : calls) answer(call.caller, gone_answer(call));
          end_kept(key, ran.error());
          continue;
        }
      }
      if (actor.kept) write_checkpoint_if_due(key, actor);
    }
  }

  /// False: the actor is no more.
  bool write_checkpoint_if_due(Key key, Actor& actor) {
    const auto due = actor.kept->due();
    if (due == Clock::time_point::max() || Clock::now() < due) return true;
    const auto written = actor.kept->write_checkpoint(actor.own);
    if (!written) end_kept(key, written.error());
    return written.has_value();
  }

  /// What its callers wait for is up to the next attempt.
  void end_kept(Key key, const Error& why) {
    auto ended = actors_.extract(key);
    while (const auto call = ended.mapped().mailbox.next()) answer(call->caller, gone_answer(*call));
    post(agent_, message::Report{{}, 0, report_of(key, AttemptEnd::failed, why.message)});
  }

  Clock::time_point first_due() const {
    auto due = Clock::time_point::max();
    if (!hosts_kept_) return due;
    for (const auto& [key, actor] : actors_)
      if (actor.kept) due = std::min(due, actor.kept->due());
    return due;
  }

  void answer(std::uint64_t caller, const message::CallAnswer& made) {
    if (rings_.answer(caller, made)) return;
    if (const auto known = callers_.find(caller); known != callers_.end()) post(known->second, made);
  }

  // --- on any thread -------------------------------------------------------------------------------------------------

  void repeat_wait() {
    const std::lock_guard lock(mutex_);
    if (waits_) note_wait(*waits_, true, {});
  }

  /// Requires: the mutex is held.
  void note_wait(Key key, bool waits, std::vector<Key> returned) {
    outgoing_.add_now(agent_, message::TaskWaits{key.first, key.second, waits, std::move(returned)});
  }

  void post(PeerId to, message::Message message) {
    std::unique_lock lock(mutex_);
    const bool is_of_interest = outgoing_.add(to, std::move(message), !orders_.is_empty());
    lock.unlock();
    if (is_of_interest && turns_.is_taken()) transport_.wake();
  }

  // --- on the thread whose turn it is to talk ------------------------------------------------------------------------

  void send_what_is_due() {
    const auto now = Clock::now();
    if (now >= sign_of_life_at_) {
      send(agent_, message::WorkerHello{options_.id, abi_version, call_book_.news(now)});
      sign_of_life_at_ = now + sign_of_life_interval;
      repeat_wait();
      if (options_.objects) options_.objects->look_after();
      tasks_.output().look_after();
      neighbours_.look_after(now);
    }
    std::unique_lock lock(mutex_);
    const auto due = outgoing_.take_due(now, !orders_.is_empty());
    lock.unlock();
    for (const auto& [addresses, message] : due.passed)
      for (const PeerId to : neighbours_.at(addresses, now)) send(to, message);
    for (const auto& [to, message] : due.made) send(to, message);
    outbox_.flush(transport_);
  }

  void send(PeerId to, const message::Message& message) {
    outbox_.post(to, {options_.cluster, 0, options_.id.value}, message);
  }

  const WorkerOptions& options_;
  const Catalog& catalog_;
  Transport& transport_;
  TalkTurns turns_;
  Outbox outbox_;  // This, and what is marked so, are of the thread whose turn it is.
  const PeerId agent_;
  Neighbours neighbours_;  // (talks)
  BegunFile begun_;
  CallBook call_book_;
  CancelledCalls cancelled_;
  TaskRunner tasks_;
  Clock::time_point sign_of_life_at_ = Clock::now();  // (talks)

  std::mutex mutex_;
  OrderBook orders_;
  std::optional<Key> waits_;  // The task that runs, for other work.
  Outgoing outgoing_;

  // The executor's.
  std::map<std::uint64_t, PeerId> callers_;  // That have sent frames.
  CallRings rings_;
  std::map<std::uint64_t, std::uint32_t> links_of_;  // By their callers: which of all that there were.
  std::uint32_t links_ = 0;                          // That there were.
  std::map<Key, Actor> actors_;
  const ThreadedActor* alone_ = nullptr;  // Of them, if it has this worker for itself.
  bool hosts_kept_ = false;               // Or has.
  std::size_t gathered_bytes_ = 0;        // Of all that are gathered.
  Executor executor_;                     // Last: its thread uses all of the above.
};

}  // namespace

void run_worker(const WorkerOptions& options, const Catalog& catalog, Transport& transport,
                const std::stop_token& until) {
  Worker(options, catalog, transport).run(until);
}

}  // namespace troupe
