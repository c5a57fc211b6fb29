#include "scheduler/store/record_codec.h"

#include "runtime/base/crc32c.h"
#include "runtime/wire/base_fields.h"
#include "tests/scheduler/store/store_support.h"

namespace troupe::scheduler::test {
namespace {

constexpr RecordPlace here{"troupe:graph:00", "task:17"};

/// Tasks as version 1 wrote them.
struct FirstGang {
  std::uint32_t gang = 0;
  std::uint32_t size = 1;
  std::uint32_t rank = 0;
  GangPolicy policy = GangPolicy::data;
  std::int64_t bytes_to_next = 0;
};
template <class Archive>
void fields(Archive& archive, FirstGang& value) {
  archive("gang hint", value.gang, value.size, value.rank, value.policy, value.bytes_to_next);
}
struct FirstSpec {
  TaskSpec spec;
  std::optional<FirstGang> gang;
};
template <class Archive>
void fields(Archive& archive, FirstSpec& value) {
  TaskSpec& spec = value.spec;
  archive("task spec", spec.id, spec.name, spec.work, spec.needs, spec.max_attempts, spec.timeout, spec.after,
          spec.inputs, value.gang);
}

/// Puts the right checksum behind what lies `here`.
std::string with_checksum(std::string body) {
  std::uint32_t sum = crc32c("troupe:graph:00 task:17 " + body);
  for (int i = 0; i < 4; ++i, sum >>= 8) body += static_cast<char>(sum);
  return body;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C", "[store]") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c("6789", crc32c("12345")) == 0xe3069283u);
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(dice.below(256));
    CHECK(crc32c_by_table(bytes, static_cast<std::uint32_t>(size)) == crc32c(bytes, static_cast<std::uint32_t>(size)));
  }
}

TEST_CASE("records are read back as they were written", "[store]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int round = 0; round < 200; ++round) {
    const auto job = drawn<JobInfo>(dice);
    CHECK(*decode_record<JobInfo>(here, encode_record(here, job)) == job);
    const auto spec = drawn<TaskSpec>(dice);
    CHECK(*decode_record<TaskSpec>(here, encode_record(here, spec)) == spec);
    const TaskProgress progress = draw_progress(dice);
    CHECK(*decode_record<TaskProgress>(here, encode_record(here, progress)) == progress);
  }
}

TEST_CASE("every flipped bit and every cut of a record is found and named", "[store]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int round = 0; round < 10; ++round) {
    const std::string bytes = encode_record(here, draw_progress(dice));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const auto found = decode_record<TaskProgress>(here, flipped);
      REQUIRE(!found);
      REQUIRE(found.error().fault == Fault::corrupt);
      REQUIRE(found.error().message.find("troupe:graph:00 task:17") != std::string::npos);
    }
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      REQUIRE(!decode_record<TaskProgress>(here, bytes.substr(0, length)));
    }
  }
}

TEST_CASE("a task's state can be read in its record as it is", "[store]") {
  CHECK(encode_record(here, TaskProgress{.state = TaskState::done}).substr(2, 4) == "done");
  CHECK(encode_record(here, TaskProgress{.state = TaskState::cancelled}).substr(2, 9) == "cancelled");
}

TEST_CASE("a record that lies in another place than it was written for is damage", "[store]") {
  const std::string bytes = encode_record(here, TaskProgress{.state = TaskState::done});
  CHECK(decode_record<TaskProgress>(here, bytes));
  CHECK(!decode_record<TaskProgress>({here.key, "task:18"}, bytes));
  CHECK(!decode_record<TaskProgress>({"troupe:graph:01", here.field}, bytes));
}

TEST_CASE("a record of another kind under a right checksum is damage", "[store]") {
  const std::string bytes = encode_record(here, TaskSpec{.name = "x"});
  const auto found = decode_record<TaskProgress>(here, bytes);
  REQUIRE(!found);
  CHECK_THAT(found.error().message, Catch::Contains("task progress"));
}

TEST_CASE("a task that version 1 wrote is read as it was, with what came later at its defaults", "[store]") {
  const TaskSpec spec{
      .id = {JobId{5}, 17},
      .name = "train",
      .work = CommandWork{.argv = {"./train"}},
      .needs = {.cpus = 2000},
      .max_attempts = 3,
      .gang = GangHint{.gang = 1, .size = 4, .rank = 2, .policy = GangPolicy::model, .bytes_to_next = 9}};
  const FirstSpec first{spec, FirstGang{1, 4, 2, GangPolicy::model, 9}};
  const auto found = decode_record<TaskSpec>(here, with_checksum('\1' + encode(first)));
  REQUIRE(found);
  CHECK(*found == spec);
}

TEST_CASE("a task that version 2 wrote, with the whole id of each task before it, has its edges", "[store]") {
  TaskSpec spec{.id = {JobId{5}, 17}, .name = "train", .work = CommandWork{.argv = {"./train"}}};
  spec.after = {{JobId{5}, 3}, {JobId{5}, 4}};
  const auto found = decode_record<TaskSpec>(here, with_checksum(std::string("\2\0", 2) + encode(FirstSpec{spec, {}})));
  REQUIRE(found);
  CHECK(*found == spec);
}

TEST_CASE("an edge within the job costs four bytes in a record", "[store]") {
  TaskSpec spec{.id = {JobId{~std::uint64_t{0}}, 1}, .work = JoinWork{}};
  const std::size_t without = encode_record(here, spec).size();
  for (std::uint32_t number = 2; number < 1002; ++number) spec.after.push_back({spec.id.job, number});
  CHECK(encode_record(here, spec).size() <= without + 4 * 1000 + 2);
}

TEST_CASE("a record of a newer version is refused naming both versions", "[store]") {
  std::string bytes = encode_record(here, TaskProgress{});
  bytes[0] = 4;
  const auto found = decode_record<TaskProgress>(here, with_checksum(bytes.substr(0, bytes.size() - 4)));
  REQUIRE(!found);
  CHECK(found.error().fault == Fault::unsupported);
  CHECK_THAT(found.error().message, Catch::Contains("has version 4, this program reads version 3"));
}

}  // namespace troupe::scheduler::test
