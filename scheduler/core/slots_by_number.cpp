#include "scheduler/core/slots_by_number.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace troupe::scheduler {

void SlotsByNumber::add(std::uint32_t number, Slot slot) {
  auto& page = pages_[number / page_size];
  if (page == nullptr) page = std::make_unique<Page>();
  Slot& place = page->slots[number % page_size];
  TROUPE_CHECK(place == no_slot, "a task is added once");
  place = slot;
  ++page->used;
  ++size_;
}

void SlotsByNumber::erase(std::uint32_t number) {
  const auto page = pages_.find(number / page_size);
  TROUPE_CHECK(page != pages_.end() && page->second->slots[number % page_size] != no_slot, "a task is forgotten once");
  page->second->slots[number % page_size] = no_slot;
  --size_;
  if (--page->second->used == 0) pages_.erase(page);
}

std::vector<Slot> SlotsByNumber::in_order(std::uint32_t first, std::size_t most) const {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, page] : pages_)
    if (number >= first / page_size) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  std::vector<Slot> slots;
  slots.reserve(std::min(size_, most));
  for (const std::uint32_t number : numbers) {
    const Page& page = *pages_.at(number);
    const std::uint32_t begin = number == first / page_size ? first % page_size : 0;
    for (std::uint32_t i = begin; i < page_size; ++i) {
      if (slots.size() == most) return slots;
      if (page.slots[i] != no_slot) slots.push_back(page.slots[i]);
    }
  }
  return slots;
}

}  // namespace troupe::scheduler
