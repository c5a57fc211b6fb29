#include "runtime/base/wait_reason.h"

#include "runtime/base/check.h"

namespace troupe {

const char* to_text(WaitsFor what) {
  switch (what) {
    case WaitsFor::nothing: return "nothing";
    case WaitsFor::predecessor: return "predecessor";
    case WaitsFor::gang: return "gang";
    case WaitsFor::delay: return "delay";
    case WaitsFor::lock: return "lock";
    case WaitsFor::semaphore: return "semaphore";
    case WaitsFor::restart: return "restart";
    case WaitsFor::node: return "node";
    case WaitsFor::room: return "room";
    case WaitsFor::kept_node: return "kept_node";
    case WaitsFor::never: return "never";
    case WaitsFor::turn: return "turn";
    case WaitsFor::worker: return "worker";
  }
  check_failed(__FILE__, __LINE__, "what", "what a task waits for is one of the thirteen");
}

}  // namespace troupe
