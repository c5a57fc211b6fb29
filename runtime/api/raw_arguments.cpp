#include "runtime/api/raw_arguments.h"

#include "runtime/wire/transport.h"

namespace troupe {

ObjectPtr object_with_refs(EncodedValue value) {
  auto object = std::make_shared<Object>(name_of_value_with_refs, std::nullopt);
  object->awaits_refs = true;
  object->inside = std::make_unique<RefsInside>();
  object->inside->around = std::move(value.head);
  for (auto& ref : value.refs) object->inside->refs.push_back(std::static_pointer_cast<Object>(std::move(ref)));
  return object;
}

const Bytes* bytes_of(const RawArgument& argument) {
  if (const auto* value = std::get_if<Bytes>(&argument)) return value;
  return std::get_if<Bytes>(&std::get<ObjectPtr>(argument)->outcome);
}

const Object* first_failed(const std::vector<RawArgument>& arguments) {
  for (const auto& argument : arguments) {
    const auto* object = std::get_if<ObjectPtr>(&argument);
    if (object != nullptr && std::holds_alternative<Failure>((*object)->outcome)) return object->get();
  }
  return nullptr;
}

Failure failure_of_input(const std::string& task, const Object& input) {
  const auto& failure = std::get<Failure>(input.outcome);
  return {failure.fault, task, {}, 0, "its argument was not made: " + describe(failure)};
}

Failure failure_of_ref(const std::string& name, const Object& ref) {
  const auto& failure = std::get<Failure>(ref.outcome);
  return {failure.fault, name, {}, 0, "what a Ref in it names was not made: " + describe(failure)};
}

std::string arguments_too_large(std::size_t bytes) {
  return "its arguments have " + std::to_string(bytes) + " bytes together; at most " +
         std::to_string(most_inline_bytes) + " can be handed over";
}

}  // namespace troupe
