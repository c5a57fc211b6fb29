// Both ends of a ring, driven by the bytes: what is written comes out in order, until somebody scribbles over the
// memory that both map; then an end may break, but touches nothing outside it.
// Covers: runtime/ring/shared_ring.cpp
#include <cstring>
#include <deque>
#include <memory>

#include "runtime/base/check.h"
#include "runtime/ring/shared_ring.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr std::size_t data_bytes = 256;

struct Memory {
  alignas(64) std::byte bytes[ring_head_bytes + data_bytes] = {};
};

}  // namespace

void run(std::string_view bytes) {
  const auto memory = std::make_unique<Memory>();  // On the heap, where a sanitizer sees its ends.
  RingWriter writer(memory->bytes);
  RingReader reader(memory->bytes);
  std::deque<std::string> under_way;
  bool is_sound = true;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto operation = static_cast<unsigned char>(bytes[i]);
    const auto value = static_cast<unsigned char>(bytes[i + 1]);
    switch (operation % 9) {
      case 0:
      case 1: {
        const std::string record(value % (writer.most_record() + 1), static_cast<char>(operation));
        const std::string_view parts[] = {std::string_view(record).substr(0, record.size() / 3),
                                          std::string_view(record).substr(record.size() / 3)};
        if (writer.write(parts)) under_way.push_back(record);
        break;
      }
      case 2:
      case 3:
      case 4: {
        const auto record = reader.front();
        if (is_sound) TROUPE_CHECK(record.has_value() == !under_way.empty(), "what was written can be read");
        if (!record) break;
        const std::string copy(*record);  // Reads all of it.
        if (is_sound) {
          TROUPE_CHECK(copy == under_way.front(), "records come out as they were written, in order");
          under_way.pop_front();
        }
        reader.pop();
        break;
      }
      case 5: writer.ask_for_room(); break;
      case 6: reader.owes_room(); break;
      case 7: {
        if (i + 4 >= bytes.size()) break;
        is_sound = false;
        const std::size_t at = (value * 256u + static_cast<unsigned char>(bytes[i + 2])) % sizeof memory->bytes;
        memory->bytes[at] = static_cast<std::byte>(bytes[i + 3]);
        i += 2;
        break;
      }
      case 8: {  // Both are mapped anew.
        writer = RingWriter(memory->bytes);
        reader = RingReader(memory->bytes);
        break;
      }
    }
  }
  if (is_sound) TROUPE_CHECK(!writer.is_broken() && !reader.is_broken(), "nobody broke the rules");
}

std::vector<std::string> seeds() {
  std::string turns;
  for (char i = 0; i < 60; ++i)
    turns += {'\0', i, '\1', static_cast<char>(3 * i), '\5', '\0', '\2', '\0', '\6', '\0', '\3', '\0', '\x8', '\0'};
  std::string scribbled = turns.substr(0, 40);
  for (char i = 0; i < 20; ++i)
    scribbled += {'\7', '\0', static_cast<char>(4 * i), '\x7f', '\2', '\0', '\0', '\x20', '\x8', '\0'};
  return {turns, scribbled};
}

}  // namespace troupe::fuzz
