#include "runtime/worker/hosted_actor.h"

#include <utility>

#include "runtime/worker/values.h"

namespace troupe {

std::string HostedActor::make(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options) {
  const auto& work = std::get<ActorWork>(order.work);
  class_ = catalog.actor(work.type);
  if (class_ == nullptr) return "this program has no actor named '" + work.type + "'";
  context_ = std::make_unique<Context>(order, options.connect);
  objects_ = options.objects.get();
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
  try {
    std::vector<Payload> arguments;
    for (const Bytes& argument : call.arguments) arguments.push_back(argument_of(argument, objects_));
    answer.value = result_of(method->second(object_.get(), arguments), objects_);
    answer.ok = true;
  } catch (...) {
    answer.error = text_of_thrown();
  }
  return answer;
}

message::CallAnswer gone_answer(const message::Call& call) {
  return {call.actor, call.number, false, {}, "no such actor lives here", call.attempt, true};
}

}  // namespace troupe
