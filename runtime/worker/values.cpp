#include "runtime/worker/values.h"

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <typeinfo>
#include <utility>

#include "runtime/base/clip.h"
#include "runtime/wire/transport.h"

namespace troupe {

std::string text_of_thrown() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return clipped(exception.what(), most_cause_bytes);
  } catch (...) {
    return "threw something that is not a std::exception";
  }
}

std::string type_of_thrown() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) return {};
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, nullptr),
                                                    std::free);
  return name == nullptr ? type->name() : name.get();
}

Payload argument_of(const Bytes& bytes, ObjectClient* objects) {
  Handed handed;
  if (around_refs(bytes).size() != bytes.size()) {
    Object object({}, std::nullopt);  // Of which only what the Refs in it name is kept.
    object.outcome = bytes;
    take_in(object, objects, false);
    if (object.inside) handed.assign(object.inside->refs.begin(), object.inside->refs.end());
    // Their caller may let go of them as soon as it has the answer.
    std::vector<std::shared_ptr<const ObjectHold>> holds;
    add_holds(object, holds);
    if (const auto confirmed = ObjectClient::confirm(holds); !confirmed)
      throw std::runtime_error("an argument cannot be had: " + confirmed.error().message);
  }
  auto payload = fetch(bytes, objects, std::move(handed));
  if (!payload) throw std::runtime_error("an argument cannot be had: " + payload.error().message);
  return std::move(*payload);
}

std::vector<Payload> arguments_of(const std::vector<Argument>& arguments, const std::vector<Bytes>& inputs,
                                  ObjectClient* objects) {
  std::vector<Payload> values;
  for (const auto& argument : arguments) {
    const auto* input = std::get_if<InputRef>(&argument);
    values.push_back(argument_of(input != nullptr ? inputs.at(input->input) : std::get<Bytes>(argument), objects));
  }
  return values;
}

namespace {

/// What travels for what the Refs in a result name.
std::vector<Bytes> refs_of(const Handed& refs, ObjectClient* objects, Context& context) {
  std::vector<Bytes> carried;
  for (const auto& ref : refs) {
    const auto outcome = context.outcome_of(std::static_pointer_cast<Object>(ref));
    if (const auto* failure = std::get_if<Failure>(&outcome))
      throw std::runtime_error("what a Ref in its result names was not made: " + describe(*failure));
    carried.push_back(std::get<Bytes>(outcome));
    if (objects == nullptr && lies_elsewhere(carried.back()))
      throw std::runtime_error(
          "its result cannot be handed over: a Ref in it names a value that lies on this node, and may be gone before "
          "it");
  }
  return carried;
}

}  // namespace

Bytes result_of(Returned returned, ObjectClient* objects, Context& context) {
  const auto carry_one = [&](EncodedValue& value) {
    const Handed named = std::exchange(value.refs, {});  // Which hold what they name until that is left.
    auto refs = refs_of(named, objects, context);
    auto carried = carry(std::move(value), objects, ObjectClient::For::other);
    if (!carried) throw std::runtime_error("its result cannot be handed over: " + carried.error().message);
    if (refs.empty()) return std::move(carried->bytes);
    const CarriedWithRefs whole{std::move(carried->bytes), std::move(refs)};
    if (const std::string flaw = flaw_of(whole); !flaw.empty()) throw std::runtime_error(flaw);
    for (const Bytes& ref : whole.refs) leave_for_other(ref, objects);
    return to_bytes(whole);
  };
  if (auto* value = std::get_if<EncodedValue>(&returned)) return carry_one(*value);
  std::vector<Bytes> parts;
  std::size_t bytes = 0;
  for (EncodedValue& value : std::get<std::vector<EncodedValue>>(returned)) {
    parts.push_back(carry_one(value));
    bytes += parts.back().size();
  }
  if (bytes > most_inline_bytes)
    throw std::runtime_error("its results have " + std::to_string(bytes) + " bytes together; at most " +
                             std::to_string(most_inline_bytes) + " can be handed over");
  return encode(parts);
}

}  // namespace troupe
