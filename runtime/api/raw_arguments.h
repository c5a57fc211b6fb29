// Arguments of tasks and calls on their way: a value, or an object that may not be ready yet.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/api/object.h"
#include "runtime/api/value.h"

namespace troupe {

using RawArgument = std::variant<Bytes, ObjectPtr>;

inline constexpr const char* name_of_value_with_refs = "a value with refs";

/// Of a value with Refs in it. Requires: it is one piece.
ObjectPtr object_with_refs(EncodedValue value);

/// The bytes of the argument; nullptr while they are not there.
const Bytes* bytes_of(const RawArgument& argument);

/// The first of `arguments` that failed, if any did.
const Object* first_failed(const std::vector<RawArgument>& arguments);

/// What becomes of `task` when `input`, which failed, was to be handed to it.
Failure failure_of_input(const std::string& task, const Object& input);

/// What becomes of a value when what a Ref in it names failed.
Failure failure_of_ref(const std::string& name, const Object& ref);

/// Why arguments of so many bytes together are not handed over.
std::string arguments_too_large(std::size_t bytes);

}  // namespace troupe
