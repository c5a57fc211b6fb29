#include "runtime/worker/values.h"

#include <exception>
#include <stdexcept>
#include <utility>

#include "runtime/base/clip.h"

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

Bytes result_of(EncodedValue value, ObjectClient* objects) {
  auto carried = carry(std::move(value), objects, ObjectClient::For::other);
  if (!carried) throw std::runtime_error("its result cannot be handed over: " + carried.error().message);
  return std::move(carried->bytes);
}

}  // namespace troupe
