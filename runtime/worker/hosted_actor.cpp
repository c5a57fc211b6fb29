#include "runtime/worker/hosted_actor.h"

#include <stdexcept>
#include <utility>

#include "runtime/api/options.h"
#include "runtime/worker/cancelled_calls.h"
#include "runtime/worker/values.h"

namespace troupe {

std::string HostedActor::make(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options) {
  const auto& work = std::get<ActorWork>(order.work);
  class_ = catalog.actor(work.type);
  if (class_ == nullptr) return "this program has no actor named '" + work.type + "'";
  if (work.concurrency)
    for (const MethodGroup& group : work.concurrency->groups)
      for (const auto& method : group.methods)
        if (!class_->methods.contains(method))
          return "the actor has no method named '" + method + "', which a group of methods names";
  context_ = std::make_unique<Context>(order, options.node, options.connect, &CancelledCalls::stop_token);
  objects_ = options.objects.get();
  is_logged_ = work.restart && work.restart->mode == RestartMode::logged;
  try {
    object_ = class_->make(*context_, arguments_of(work.arguments, order.inputs, objects_));
  } catch (...) {
    return text_of_thrown();
  }
  return {};
}

message::CallAnswer HostedActor::answer(const message::Call& call) {
  message::CallAnswer answer{call.actor, call.number, false, {}, {}, call.attempt};
  const auto method = class_->methods.find(call.method);
  if (method == class_->methods.end()) {
    answer.error = "the actor has no method named '" + call.method + "'";
    return answer;
  }
  if (calls_) calls_->runs(method->first);
  if (counts_) calls_->begins();
  try {
    std::vector<Payload> arguments;
    for (const Bytes& argument : call.arguments) arguments.push_back(argument_of(argument, objects_));
    answer.value =
        result_of(method->second(*context_, object_.get(), arguments), is_logged_ ? nullptr : objects_, *context_);
    if (is_logged_ && answer.value.size() > most_logged_answer_bytes)
      throw std::length_error("it returned " + std::to_string(answer.value.size()) + " bytes, a logged call at most " +
                              std::to_string(most_logged_answer_bytes));
    answer.ok = true;
  } catch (...) {
    answer.error = text_of_thrown();
    answer.exception = type_of_thrown();
  }
  if (counts_) calls_->ends();
  return answer;
}

std::string HostedActor::checkpoint(Bytes& state) const {
  try {
    state = class_->checkpoint(object_.get());
  } catch (...) {
    return text_of_thrown();
  }
  return {};
}

std::string HostedActor::restore(const Bytes& state) {
  try {
    class_->restore(object_.get(), state);
  } catch (...) {
    return text_of_thrown();
  }
  return {};
}

std::string HostedActor::bring_here(Bytes& argument) const {
  if (!lies_elsewhere(argument)) return {};
  if (!stored_object_from(argument)) return "a call that is logged hands over values, not Refs in them";
  try {
    const Payload value = argument_of(argument, objects_);
    argument = Bytes(value.bytes);
  } catch (...) {
    return text_of_thrown();
  }
  return {};
}

message::CallAnswer gone_answer(const message::Call& call) {
  return {call.actor, call.number, false, {}, "no such actor lives here", call.attempt, true};
}

}  // namespace troupe
