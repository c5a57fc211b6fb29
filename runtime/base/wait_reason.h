// Why a task or an actor does not run yet: for people as a line, for programs by its kind and what is named.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/ids.h"

namespace troupe {

enum class WaitsFor : std::uint8_t {
  nothing,      ///< It runs, or has ended.
  predecessor,  ///< `task`, and `others` more, have to end first.
  gang,         ///< `task` of its gang, and `others` more, are not ready.
  delay,        ///< Its next attempt is due at `until_ms`.
  lock,         ///< Somebody holds `name`.
  semaphore,    ///< All permits of `name` are held.
  restart,      ///< The scheduler was started anew: until `until_ms` it waits for who comes back.
  node,         ///< None is there; or those that could hold it are away, or take no new work.
  room,         ///< The nodes that could hold it are busy.
  kept_node,    ///< There is room, on a node that is kept for `task`, which has waited longer.
  never,        ///< No node is large enough.
  turn,         ///< There is room: it is about to start.
  worker,       ///< It was given to a node and has not begun there.
};
const char* to_text(WaitsFor what);

struct WaitReason {
  WaitsFor what = WaitsFor::nothing;
  std::string text;  ///< One line; empty for nothing.
  TaskId task;
  std::uint32_t others = 0;
  std::string name;
  std::int64_t until_ms = 0;  ///< Since 1970, by the scheduler's clock.
  friend bool operator==(const WaitReason&, const WaitReason&) = default;
};

}  // namespace troupe
