#include "scheduler/store/task_store.h"

#include <type_traits>
#include <utility>

namespace troupe::scheduler {

std::optional<Write> write_from(Effect&& effect) {
  return std::visit(
      [](auto&& each) -> std::optional<Write> {
        if constexpr (std::is_constructible_v<Write, decltype(each)>) {
          return Write(std::move(each));
        } else {
          return std::nullopt;
        }
      },
      std::move(effect));
}

}  // namespace troupe::scheduler
