// Event logs, read to their end: as they are, and each body in a frame of its own, so that what is behind the checksums
// is reached.
// Covers: scheduler/service/event_log.cpp scheduler/service/event_fields.cpp
#include "scheduler/service/event_log.h"

#include <sstream>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"
#include "tests/support/dice.h"

namespace troupe::fuzz {
namespace {

using namespace scheduler;

void read_log(const std::string& bytes) {
  std::istringstream in(bytes);
  auto log = EventLogReader::open(in);
  if (!log) return;
  for (;;) {
    const std::uint64_t before = log->position();
    const auto record = log->next();
    if (!record || !*record) return;
    TROUPE_CHECK(log->position() > before, "each record takes some bytes");
  }
}

}  // namespace

void run(std::string_view bytes) {
  read_log(std::string(bytes));
  EventLogFramer framer;
  read_log(EventLogFramer::beginning() + framer.frame(std::string(bytes)));
}

std::vector<std::string> seeds() {
  test::Dice dice(1);
  StoredState stored{.cluster = {1, 2}, .epoch = 3, .commit_seq = 4};
  stored.jobs.push_back(test::drawn<JobInfo>(dice));
  stored.tasks.push_back({test::drawn<TaskSpec>(dice), {}});
  const std::string opened = encode_opened({}, stored, Time{5});
  std::vector<std::string> bodies{
      opened,
      encode_taken(Time{6}, NodeJoined{NodeId{1}, 2, "a", {.cpus = 2000}, {test::drawn<RunningAttempt>(dice)}}),
      encode_taken(Time{6},
                   TasksSubmitted{DriverId{5}, 6, test::drawn<JobInfo>(dice), {test::drawn<TaskSpec>(dice)}, {}}),
      encode_taken(Time{7}, AttemptEnded{NodeId{1}, 2, test::drawn<AttemptReport>(dice)}),
      encode_taken(Time{8}, Tick{}),
      encode_given({3, 4}),
      encode_stopped("full")};
  EventLogFramer framer;
  std::string log = EventLogFramer::beginning();
  for (const std::string& body : bodies) log += framer.frame(body);
  bodies.push_back(log);
  return bodies;
}

}  // namespace troupe::fuzz
