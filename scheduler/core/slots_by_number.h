// Where each task of a job is, by its number. Numbers are given in sequence, so they stand in pages; a page goes when
// the last of its tasks is forgotten.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe::scheduler {

using Slot = std::uint32_t;
inline constexpr Slot no_slot = ~Slot{0};

class SlotsByNumber {
 public:
  /// Requires: the number is not there.
  void add(std::uint32_t number, Slot slot);
  /// Requires: the number is there.
  void erase(std::uint32_t number);

  /// no_slot when there is none.
  Slot find(std::uint32_t number) const {
    const auto page = pages_.find(number / page_size);
    return page == pages_.end() ? no_slot : page->second->slots[number % page_size];
  }
  /// In order of their numbers: of number `first` and higher ones, at most so many.
  /// Cost: the tasks that come before `first` count by the page.
  std::vector<Slot> in_order(std::uint32_t first = 0, std::size_t most = SIZE_MAX) const;
  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t page_size = 256;
  struct Page {
    Page() { slots.fill(no_slot); }
    std::array<Slot, page_size> slots;
    std::uint32_t used = 0;
  };
  std::unordered_map<std::uint32_t, std::unique_ptr<Page>> pages_;  // lookup only
  std::size_t size_ = 0;
};

}  // namespace troupe::scheduler
