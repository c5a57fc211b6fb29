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

std::vector<Slot> SlotsByNumber::in_order() const {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, page] : pages_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  std::vector<Slot> slots;
  slots.reserve(size_);
  for (const std::uint32_t number : numbers) {
    const Page& page = *pages_.at(number);
    const std::size_t all = slots.size() + page.used;
    for (std::size_t i = 0; slots.size() < all; ++i)
      if (page.slots[i] != no_slot) slots.push_back(page.slots[i]);
  }
  return slots;
}

}  // namespace troupe::scheduler
