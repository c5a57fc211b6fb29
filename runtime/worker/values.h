// Values on their way into the user's code and out of it: looked up where they lie elsewhere, put there where they are
// large.
#pragma once

#include <string>
#include <vector>

#include "runtime/api/carried.h"
#include "runtime/api/context.h"
#include "runtime/base/task_spec.h"

namespace troupe {

/// What the user's code said or did, as one line. Requires: called while it is handled.
std::string text_of_thrown();
/// The name of its type. Requires: the same.
std::string type_of_thrown();

/// Throws where it cannot be had. `objects`: nullptr where there is no way to others' values.
Payload argument_of(const Bytes& bytes, ObjectClient* objects);
/// What a function or constructor is called with: values as they are, results of tasks out of `inputs`. Throws.
std::vector<Payload> arguments_of(const std::vector<Argument>& arguments, const std::vector<Bytes>& inputs,
                                  ObjectClient* objects);
/// What travels for what the user's code returned, to whoever asked for it; waits for what Refs in it name. `objects`:
/// nullptr where it is to travel inside. Throws where it cannot be handed over.
Bytes result_of(Returned returned, ObjectClient* objects, Context& context);

}  // namespace troupe
