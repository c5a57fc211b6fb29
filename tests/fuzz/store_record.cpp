// Records of the store, of each type by the first byte: as they are, and with a checksum that fits, so that what is
// behind it is reached. Damage is reported, and a record that was taken for sound says the same when it is written
// again. Their fields are an event log's, too, whose target has all of them.
// Covers: scheduler/store/record_codec.cpp
#include "runtime/base/check.h"
#include "runtime/base/crc32c.h"
#include "scheduler/store/record_codec.h"
#include "tests/fuzz/target.h"
#include "tests/support/dice.h"

namespace troupe::fuzz {
namespace {

using namespace scheduler;

constexpr RecordPlace place{"troupe:jobs", "0000000000000007"};

template <class T>
void read_as(const std::string& record) {
  const auto value = decode_record<T>(place, record);
  if (!value) {
    TROUPE_CHECK(value.error().message.find("troupe:jobs") != std::string::npos, "damage names its place");
    return;
  }
  const std::string again = encode_record(place, *value);
  const auto same = decode_record<T>(place, again);
  TROUPE_CHECK(same && encode_record(place, *same) == again, "what was read is written as it was");
}

std::string sealed(std::string_view body) {
  std::uint32_t sum = crc32c(std::string(place.key) + ' ' + std::string(place.field) + ' ');
  sum = crc32c(body, sum);
  std::string record(body);
  for (int shift = 0; shift < 32; shift += 8) record += static_cast<char>(sum >> shift);
  return record;
}

template <class T>
std::string seed_of(char type, const T& value) {
  const std::string record = encode_record(place, value);
  return type + record.substr(0, record.size() - 4);
}

}  // namespace

void run(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string records[] = {std::string(bytes.substr(1)), sealed(bytes.substr(1))};
  for (const std::string& record : records) {
    switch (static_cast<unsigned char>(bytes[0]) % 8) {
      case 0: read_as<JobInfo>(record); break;
      case 1: read_as<TaskSpec>(record); break;
      case 2: read_as<TaskProgress>(record); break;
      case 3: read_as<GraphSummary>(record); break;
      case 4: read_as<CachedResult>(record); break;
      case 5: read_as<NodeId>(record); break;
      case 6: read_as<sync::QueueOptions>(record); break;
      case 7: read_as<StoredMessage>(record); break;
    }
  }
}

std::vector<std::string> seeds() {
  test::Dice dice(1);
  std::vector<std::string> records;
  for (int i = 0; i < 8; ++i) records.push_back(seed_of('\1', test::drawn<TaskSpec>(dice)));
  records.push_back(seed_of('\0', test::drawn<JobInfo>(dice)));
  TaskProgress progress{.state = TaskState::done, .failed_attempts = 1, .result = "3"};
  progress.attempts.push_back(test::drawn<AttemptRecord>(dice));
  records.push_back(seed_of('\2', progress));
  records.push_back(seed_of('\3', GraphSummary{test::drawn<JobInfo>(dice), {1, 2, 3}, 4, 5}));
  records.push_back(seed_of('\4', CachedResult{std::string(32, 'k'), "3", 7}));
  records.push_back(seed_of('\5', NodeId{7}));
  records.push_back(seed_of('\6', sync::QueueOptions{}));
  records.push_back(seed_of('\7', StoredMessage{.body = "message"}));
  return records;
}

}  // namespace troupe::fuzz
