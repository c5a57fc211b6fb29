// Arguments of tasks and calls on their way: a value, or an object that may not be ready yet.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/api/object.h"

namespace troupe {

using RawArgument = std::variant<Bytes, ObjectPtr>;

/// The bytes of the argument; nullptr while they are not there.
const Bytes* bytes_of(const RawArgument& argument);

/// The first of `arguments` that failed, if any did.
const Object* first_failed(const std::vector<RawArgument>& arguments);

/// What becomes of `task` when `input`, which failed, was to be handed to it.
Failure failure_of_input(const std::string& task, const Object& input);

/// Why arguments of so many bytes together are not handed over.
std::string arguments_too_large(std::size_t bytes);

}  // namespace troupe
