#include "runtime/worker/worker.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/base/abi.h"
#include "runtime/ring/spin.h"
#include "runtime/wire/outbox.h"
#include "runtime/worker/begun_file.h"
#include "runtime/worker/call_rings.h"
#include "runtime/worker/executor.h"
#include "runtime/worker/mailbox.h"
#include "runtime/worker/order_book.h"

namespace troupe {
namespace {

/// What the user's code said or did, as one line.
std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "threw something that is not a std::exception";
  }
}

std::string too_large(std::size_t bytes) {
  return "its result has " + std::to_string(bytes) + " bytes; at most " + std::to_string(most_inline_bytes) +
         " can be returned";
}

using Clock = std::chrono::steady_clock;

// Reports of tasks that end within it share a frame, as long as other orders wait here: whoever waits for a report
// waits no longer, and a processor that all share is not given away for each.
constexpr std::chrono::microseconds longest_gathering{1000};
constexpr std::chrono::milliseconds sign_of_life_interval{1000};

class Worker {
 public:
  Worker(const WorkerOptions& options, const Catalog& catalog, Transport& transport)
      : options_(options),
        catalog_(catalog),
        transport_(transport),
        begun_(options.own_address),
        rings_(options.own_address,
               [this](std::uint64_t caller) {
                 const std::lock_guard lock(mutex_);
                 mailbox_.start_over(caller);
               }),
        executor_(rings_.bell(),
                  {.serve = [this] { return rings_.serve([this](auto call) { take_ring_call(std::move(call)); }); },
                   .has_more = [this] { return rings_.has_more(); }}) {
    const auto listening = transport_.listen(options_.own_address);
    TROUPE_CHECK(listening, "a worker's own address is free");
    const auto agent = transport_.connect(options_.agent_address);
    TROUPE_CHECK(agent, "an agent's address can be connected to");
    agent_ = *agent;
    send_what_is_due();
  }

  ~Worker() {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    orders_changed_.notify_all();
  }

  void run(const std::function<bool()>& until_stopped) {
    while (!until_stopped()) {
      rings_.look_at_door(transport_, [this](auto piece) { executor_.post(std::move(piece)); });
      for (const auto& delivery : transport_.receive(std::min(send_at_, rings_.look_at()))) take(delivery);
      send_what_is_due();
    }
  }

 private:
  using Key = std::pair<TaskId, AttemptId>;

  void take(const Delivery& delivery) {
    auto letters = decode(delivery.frame);
    if (!letters || letters->envelope.cluster != options_.cluster) return;
    for (auto& message : letters->messages) {
      if (auto* run = std::get_if<message::Run>(&message)) {
        if (delivery.from == agent_) start(std::move(run->order), run->taken);
      } else if (const auto* stop = std::get_if<message::Stop>(&message)) {
        if (delivery.from == agent_) take_back({stop->task, stop->attempt});
      } else if (const auto* awaited = std::get_if<message::AwaitedResult>(&message)) {
        if (delivery.from == agent_) take_result({awaited->task, awaited->attempt}, awaited->result);
      } else if (const auto* hasten = std::get_if<message::Hasten>(&message)) {
        if (delivery.from == agent_) hasten_report({hasten->task, hasten->attempt});
      } else if (auto* call = std::get_if<message::Call>(&message)) {
        take_call(delivery.from, std::move(*call));
      }
    }
  }

  void start(RunOrder order, std::uint64_t taken) {
    const Key key{order.task, order.attempt};
    {
      const std::lock_guard lock(mutex_);
      if (!orders_.take(std::move(order), taken)) return;  // The same order again.
    }
    executor_.post([this, key] { begin(key); });
  }

  void take_back(Key key) {
    const std::lock_guard lock(mutex_);
    orders_.take_back(key);
    orders_changed_.notify_all();
  }

  void take_result(Key awaited, const Bytes& result) {
    const std::lock_guard lock(mutex_);
    orders_.take_result(awaited, result);
    orders_changed_.notify_all();
  }

  void hasten_report(Key key) {
    const std::lock_guard lock(mutex_);
    orders_.hasten(key);
    const auto is_it = [&](const auto& made) {
      const auto* report = std::get_if<message::Report>(&made.second);
      return report != nullptr && report->report.task == key.first && report->report.attempt == key.second;
    };
    is_due_ = is_due_ || std::any_of(made_.begin(), made_.end(), is_it);
  }

  // --- on the executor's thread --------------------------------------------------------------------------------------

  void begin(Key key) {
    const auto may_go_on = [this, key] { return is_over_ || orders_.state_of(key) != OrderBook::State::waits; };
    std::unique_lock lock(mutex_);
    if (!may_go_on()) {
      lock.unlock();
      spin_until([&] {
        const std::lock_guard look(mutex_);
        return may_go_on();
      });
      lock.lock();
      orders_changed_.wait(lock, may_go_on);
    }
    if (is_over_) return;
    const bool is_taken_back = orders_.state_of(key) == OrderBook::State::taken_back;
    const RunOrder order = orders_.begin(key);
    lock.unlock();
    begun_.count_one();
    if (is_taken_back) {
      report({order.task, order.attempt, AttemptEnd::cancelled, {}, {.message = "it was told to stop"}});
    } else if (std::holds_alternative<ActorWork>(order.work)) {
      start_actor(order);
    } else {
      report(run_function(order));
    }
  }

  static std::vector<Bytes> arguments_of(const std::vector<Argument>& arguments, const std::vector<Bytes>& inputs) {
    std::vector<Bytes> values;
    for (const auto& argument : arguments) {
      const auto* input = std::get_if<InputRef>(&argument);
      values.push_back(input != nullptr ? inputs.at(input->input) : std::get<Bytes>(argument));
    }
    return values;
  }

  AttemptReport run_function(const RunOrder& order) {
    AttemptReport report{order.task, order.attempt};
    const auto& work = std::get<FunctionWork>(order.work);
    const auto* function = catalog_.function(work.function);
    if (function == nullptr) return failed(order, "this program has no task named '" + work.function + "'");
    try {
      Context context(order, options_.connect);
      report.result = (*function)(context, arguments_of(work.arguments, order.inputs));
    } catch (...) {
      return failed(order, text_of(std::current_exception()));
    }
    if (report.result.size() > most_inline_bytes) return failed(order, too_large(report.result.size()));
    return report;
  }

  static AttemptReport failed(const RunOrder& order, std::string why) {
    return {order.task, order.attempt, AttemptEnd::failed, {}, {.message = std::move(why)}};
  }

  void report(AttemptReport made) {
    {
      const std::lock_guard lock(mutex_);
      if (orders_.note_end(made)) is_due_ = true;
    }
    post(agent_, message::Report{{}, 0, std::move(made)});
  }

  void start_actor(const RunOrder& order) {
    const auto& work = std::get<ActorWork>(order.work);
    const auto* type = catalog_.actor(work.type);
    if (type == nullptr) return report(failed(order, "this program has no actor named '" + work.type + "'"));
    auto context = std::make_unique<Context>(order, options_.connect);
    std::shared_ptr<void> made;
    try {
      made = type->make(*context, arguments_of(work.arguments, order.inputs));
    } catch (...) {
      return report(failed(order, text_of(std::current_exception())));
    }
    {
      const std::lock_guard lock(mutex_);
      actor_class_ = type;
      actor_context_ = std::move(context);
      actor_ = std::move(made);
      actor_task_ = order.task;
      actor_attempt_ = order.attempt;
    }
    post(agent_, message::ActorReady{{}, 0, order.task, order.attempt, options_.own_address});
  }

  void run_calls() {
    for (;;) {
      std::optional<message::Call> call;
      PeerId caller;
      {
        const std::lock_guard lock(mutex_);
        call = mailbox_.next();
        if (!call) return;
        if (const auto known = callers_.find(call->caller); known != callers_.end()) caller = known->second;
      }
      auto made = answer(*call);
      if (!rings_.answer(call->caller, made)) post(caller, std::move(made));
    }
  }

  void take_ring_call(message::Call call) {
    const std::uint64_t caller = call.caller;
    if (const auto refused = arrive(std::move(call))) rings_.answer(caller, *refused);
    run_calls();
  }

  message::CallAnswer answer(const message::Call& call) {
    message::CallAnswer answer{call.actor, call.number};
    const auto method = actor_class_->methods.find(call.method);
    if (method == actor_class_->methods.end()) {
      answer.error = "the actor has no method named '" + call.method + "'";
    } else {
      try {
        answer.value = method->second(actor_.get(), call.arguments);
        answer.ok = true;
      } catch (...) {
        answer.error = text_of(std::current_exception());
      }
    }
    if (answer.value.size() > most_inline_bytes) {
      answer = {call.actor, call.number, false, {}, too_large(answer.value.size())};
    }
    return answer;
  }

  /// Takes the call in; the answer, if it will not be run. On either thread.
  std::optional<message::CallAnswer> arrive(message::Call call) {
    message::CallAnswer refusal{call.actor, call.number, false, {}, {}};
    const std::lock_guard lock(mutex_);
    if (call.actor != actor_task_ || call.attempt != actor_attempt_) {
      refusal.error = "no such actor lives here";
    } else if (mailbox_.arrive(std::move(call)) == Mailbox::Arrival::too_early) {
      refusal.error = "too many calls wait for an earlier one";
    } else {
      return std::nullopt;
    }
    return refusal;
  }

  // --- on the thread that talks --------------------------------------------------------------------------------------

  void take_call(PeerId from, message::Call call) {
    {
      const std::lock_guard lock(mutex_);
      callers_[call.caller] = from;
    }
    if (const auto refused = arrive(std::move(call))) return send(from, *refused);
    executor_.post([this] { run_calls(); });
  }

  void post(PeerId to, message::Message message) {
    bool is_first = false;
    bool is_last = false;
    {
      const std::lock_guard lock(mutex_);
      is_first = made_.empty();
      is_last = orders_.is_empty() || is_due_;
      made_.emplace_back(to, std::move(message));
    }
    if (is_first || is_last) transport_.wake();
  }

  void send_what_is_due() {
    const auto now = Clock::now();
    if (now >= sign_of_life_at_) {
      send(agent_, message::WorkerHello{options_.id, abi_version});
      sign_of_life_at_ = now + sign_of_life_interval;
    }
    std::vector<std::pair<PeerId, message::Message>> made;
    {
      const std::lock_guard lock(mutex_);
      if (made_.empty()) {
        send_at_ = sign_of_life_at_;
      } else if (!is_gathering_ && !orders_.is_empty() && !is_due_) {
        is_gathering_ = true;
        send_at_ = now + longest_gathering;
      } else if (orders_.is_empty() || is_due_ || now >= send_at_) {
        is_gathering_ = is_due_ = false;
        send_at_ = sign_of_life_at_;
        made = std::exchange(made_, {});
      }
    }
    for (const auto& [to, message] : made) send(to, message);
    outbox_.flush(transport_);
  }

  void send(PeerId to, const message::Message& message) {
    outbox_.post(to, {options_.cluster, 0, options_.id.value}, message);
  }

  const WorkerOptions& options_;
  const Catalog& catalog_;
  Transport& transport_;
  Outbox outbox_;  // Of the thread that talks.
  PeerId agent_;
  BegunFile begun_;
  bool is_gathering_ = false;
  Clock::time_point send_at_ = Clock::now();  // What is made; also when nothing is.
  Clock::time_point sign_of_life_at_ = Clock::now();

  std::mutex mutex_;
  std::condition_variable orders_changed_;
  OrderBook orders_;
  bool is_due_ = false;  // What is made.
  bool is_over_ = false;
  Mailbox mailbox_;
  std::map<std::uint64_t, PeerId> callers_;
  std::vector<std::pair<PeerId, message::Message>> made_;
  TaskId actor_task_;
  AttemptId actor_attempt_;
  const Catalog::ActorClass* actor_class_ = nullptr;  // Set before the first call can arrive.
  std::unique_ptr<Context> actor_context_;
  std::shared_ptr<void> actor_;  // May use its context.
  CallRings rings_;
  Executor executor_;  // Last: its thread uses all of the above.
};

}  // namespace

void run_worker(const WorkerOptions& options, const Catalog& catalog, Transport& transport,
                const std::function<bool()>& until_stopped) {
  Worker(options, catalog, transport).run(until_stopped);
}

}  // namespace troupe
