// Event logs, read to their end: as they are, and each body in a frame of its own, so that what is behind the checksums
// is reached. What was read is written alike.
// Covers: scheduler/service/event_log.cpp scheduler/service/event_fields.cpp scheduler/store/record_fields.cpp
#include "scheduler/service/event_log.h"

#include <sstream>
#include <type_traits>
#include <utility>
#include <variant>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"
#include "tests/support/dice.h"

namespace troupe::fuzz {
namespace {

using namespace scheduler;

/// The only record of a log.
template <class Record>
Record only_of(const std::string& body) {
  EventLogFramer framer;
  std::istringstream in(EventLogFramer::beginning() + framer.frame(body));
  auto log = EventLogReader::open(in);
  TROUPE_CHECK(log, "it begins as a log does");
  const auto record = log->next();
  TROUPE_CHECK(record && *record && std::holds_alternative<Record>(**record),
               "what was read is written and read again");
  return std::get<Record>(**record);
}

std::string body_of(const CoreOpened& opened) { return encode_opened(opened.settings, opened.stored, opened.at); }
std::string body_of(const EventTaken& taken) { return encode_taken(taken.at, taken.event); }
std::string body_of(const EffectsGiven& given) { return encode_given(given); }
std::string body_of(const RecordingStopped& stopped) { return encode_stopped(stopped.why); }

constexpr auto write_again = [](const auto& record) {
  const std::string body = body_of(record);
  TROUPE_CHECK(body_of(only_of<std::decay_t<decltype(record)>>(body)) == body, "and says the same");
};

template <class Variant, std::size_t... kinds>
std::vector<Variant> one_of_each(std::index_sequence<kinds...>) {
  return {Variant(std::in_place_index<kinds>)...};
}

void read_log(const std::string& bytes) {
  std::istringstream in(bytes);
  auto log = EventLogReader::open(in);
  if (!log) return;
  for (;;) {
    const std::uint64_t before = log->position();
    const auto record = log->next();
    if (!record || !*record) return;
    TROUPE_CHECK(log->position() > before, "each record takes some bytes");
    std::visit(write_again, **record);
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
  stored.summaries.push_back({test::drawn<JobInfo>(dice), {1, 2, 3}, 4, 5});
  stored.queues["q"].messages[1].body = "message";
  stored.cached.push_back({std::string(32, 'k'), "3", 7});
  stored.drained.push_back(NodeId{7});
  const std::string opened = encode_opened({}, stored, Time{5});
  std::vector<std::string> bodies{
      opened,
      encode_taken(Time{6}, NodeJoined{NodeId{1}, 2, "a", {.cpus = 2000}, {test::drawn<RunningAttempt>(dice)}}),
      encode_taken(Time{6},
                   TasksSubmitted{DriverId{5}, 6, test::drawn<JobInfo>(dice), {test::drawn<TaskSpec>(dice)}, {}}),
      encode_taken(Time{7}, AttemptEnded{NodeId{1}, 2, test::drawn<AttemptReport>(dice)}),
      encode_taken(Time{8}, Tick{}),
      encode_given({3, 4}),
      encode_given(summary_of(one_of_each<Effect>(std::make_index_sequence<std::variant_size_v<Effect>>()))),
      encode_stopped("full")};
  for (const Event& event : one_of_each<Event>(std::make_index_sequence<std::variant_size_v<Event>>()))
    bodies.push_back(encode_taken(Time{9}, event));
  EventLogFramer framer;
  std::string log = EventLogFramer::beginning();
  for (const std::string& body : bodies) log += framer.frame(body);
  bodies.push_back(log);
  return bodies;
}

}  // namespace troupe::fuzz
