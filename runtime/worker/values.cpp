#include "runtime/worker/values.h"

#include <exception>
#include <stdexcept>
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

Payload argument_of(const Bytes& bytes, ObjectClient* objects) {
  auto payload = fetch(bytes, objects);
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

Bytes result_of(Returned returned, ObjectClient* objects) {
  const auto carry_one = [&](EncodedValue& value) {
    auto carried = carry(std::move(value), objects, ObjectClient::For::other);
    if (!carried) throw std::runtime_error("its result cannot be handed over: " + carried.error().message);
    return std::move(carried->bytes);
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
