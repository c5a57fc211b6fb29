#include "runtime/worker/hosted_actor.h"

#include <exception>
#include <utility>

namespace troupe {

std::string text_of_thrown() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "threw something that is not a std::exception";
  }
}

std::string result_too_large(std::size_t bytes) {
  return "its result has " + std::to_string(bytes) + " bytes; at most " + std::to_string(most_inline_bytes) +
         " can be returned";
}

std::vector<Bytes> arguments_of(const std::vector<Argument>& arguments, const std::vector<Bytes>& inputs) {
  std::vector<Bytes> values;
  for (const auto& argument : arguments) {
    const auto* input = std::get_if<InputRef>(&argument);
    values.push_back(input != nullptr ? inputs.at(input->input) : std::get<Bytes>(argument));
  }
  return values;
}

std::string HostedActor::make(const RunOrder& order, const Catalog& catalog, Context::Connect connect) {
  const auto& work = std::get<ActorWork>(order.work);
  class_ = catalog.actor(work.type);
  if (class_ == nullptr) return "this program has no actor named '" + work.type + "'";
  context_ = std::make_unique<Context>(order, std::move(connect));
  try {
    object_ = class_->make(*context_, arguments_of(work.arguments, order.inputs));
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
    answer.value = method->second(object_.get(), call.arguments);
    answer.ok = true;
  } catch (...) {
    answer.error = text_of_thrown();
  }
  if (answer.value.size() > most_inline_bytes) {
    answer.error = result_too_large(answer.value.size());
    answer.value.clear();
    answer.ok = false;
  }
  return answer;
}

message::CallAnswer gone_answer(const message::Call& call) {
  return {call.actor, call.number, false, {}, "no such actor lives here", call.attempt, true};
}

}  // namespace troupe
