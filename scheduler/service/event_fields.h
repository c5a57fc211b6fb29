// How what a core is given, and what it gives, lies in bytes: for event logs. The order of the fields is the format:
// new ones are appended, none moves. Effects are only ever written, to take their checksum. Compiled once, in
// event_fields.cpp.
#pragma once

#include "runtime/wire/fields.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/event.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/store/record_fields.h"

namespace troupe::scheduler {

/// `planted` is for the simulator and not recorded.
template <class Archive>
void fields(Archive& archive, Settings& value);

void write(FieldWriter& archive, const Event& event);
void read(FieldReader& archive, Event& event);
void write(FieldWriter& archive, const Effects& effects);

}  // namespace troupe::scheduler
