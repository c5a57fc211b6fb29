#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "scheduler/service/replay.h"
#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

/// A log in memory. What is to be other in it than it was is changed on the way.
struct Recording {
  EventLogFramer framer;
  std::vector<std::string> records;
  std::set<std::size_t> kinds;  // of events
  std::function<void(Settings&)> change_settings = [](Settings&) {};
  std::function<void(std::size_t, EffectsGiven&)> change_effects = [](std::size_t, EffectsGiven&) {};
  std::size_t events = 0;

  CoreWatch watch() {
    return {.opened =
                [this](Settings settings, const StoredState& stored, Time at) {
                  change_settings(settings);
                  records.push_back(framer.frame(encode_opened(settings, stored, at)));
                },
            .stepped =
                [this](Time at, const Event& event, const Effects& effects) {
                  kinds.insert(event.index());
                  records.push_back(framer.frame(encode_taken(at, event)));
                  EffectsGiven given = summary_of(effects);
                  change_effects(++events, given);
                  records.push_back(framer.frame(encode_given(given)));
                }};
  }

  std::string bytes() const {
    std::string all = EventLogFramer::beginning();
    for (const auto& record : records) all += record;
    return all;
  }
};

/// Everything that can happen, once at least; the scheduler that is recorded goes on from a store that holds something.
void tell_a_story(Scenario& cluster) {
  cluster.joins("a", {.cpus = 2000, .gpus = {{.index = 0, .uuid = "gpu-0", .memory_bytes = 1 << 30}}});
  cluster.as_durable_job().submits("first", {.max_attempts = 2}).submits("cached", {.cache = true});
  cluster.asks(sync::OpenQueue{"mail", {.durable = true}}).asks(sync::Send{"mail", Bytes("\xff letter", 8), true});
  cluster.at(10ms).finishes("a", "first#1", "{\"n\": 1}").drains("a");
  cluster.restarts_scheduler().driver_joins().joins_again("a").drains("a", false).at(100ms).hears("a");
  cluster.submits("gpu", {.needs = {.cpus = 500, .gpus = 250}, .locks = {"door"}});
  cluster.submits("then", {.inputs = {"first"}, .when = "first.n > 1"});
  cluster.submits("again", {.repeat = "again.n < 3", .retry = RetryRule{.exit_codes = {75}, .delay = 50ms}});
  cluster.asks(sync::Receive{.queue = "mail"}).asks(sync::Acquire{.name = "door"});
  cluster.at(200ms).has_actor_up("a", "cached#1").fails("a", "cached#1", {.exit_code = 3, .message = "no\nluck"});
  cluster.submits("more").cancels("more").releases("more").driver_leaves().leaves("a").at(2000ms);
}

struct Outcome {
  std::uint64_t events = 0;
  std::uint64_t without_effects = 0;
  std::vector<std::uint64_t> differences;
  std::string end;
};

Result<Outcome> run_again(const std::string& bytes) {
  std::istringstream in(bytes);
  auto replay = Replay::open(in);
  if (!replay) return replay.error();
  Outcome outcome;
  for (;;) {
    const auto event = replay->next();
    if (!event) return event.error();
    if (!*event) break;
    ++outcome.events;
    if (!(*event)->recorded) ++outcome.without_effects;
    if (!is_as_recorded(**event, replay->run(**event))) outcome.differences.push_back((*event)->number);
  }
  outcome.end = replay->end();
  return outcome;
}

Recording recorded(Recording recording = {}) {
  Scenario cluster;
  cluster.watched_by(recording.watch());
  tell_a_story(cluster);
  return recording;
}

}  // namespace

TEST_CASE("a scheduler that was recorded does the same once more, event by event", "[scheduler]") {
  const Recording recording = recorded();
  CHECK(recording.kinds.size() == std::variant_size_v<Event>);
  const auto outcome = run_again(recording.bytes());
  REQUIRE(outcome);
  CHECK(outcome->events == recording.events);
  CHECK(outcome->differences.empty());
  CHECK(outcome->end.empty());
}

TEST_CASE("a core that decides otherwise is noticed where it first does", "[scheduler]") {
  Recording strict;
  strict.change_settings = [](Settings& settings) { settings.most_tasks = 1; };
  const auto otherwise = run_again(recorded(std::move(strict)).bytes());
  REQUIRE(otherwise);
  CHECK_FALSE(otherwise->differences.empty());

  for (const bool is_checksum : {false, true}) {
    Recording other;
    other.change_effects = [=](std::size_t event, EffectsGiven& given) {
      if (event == 3) is_checksum ? given.checksum ^= 1 : given.effects += 1;
    };
    const auto outcome = run_again(recorded(std::move(other)).bytes());
    REQUIRE(outcome);
    CHECK(outcome->differences == std::vector<std::uint64_t>{3});
  }
}

TEST_CASE("a log that was cut anywhere is run up to the cut, and says so", "[scheduler]") {
  const Recording recording = recorded();
  const std::string whole = recording.bytes();
  std::size_t whole_records = EventLogFramer::beginning().size() + recording.records.front().size();
  CHECK_FALSE(run_again(whole.substr(0, whole_records - 1)));
  for (std::size_t i = 1; i < 9; ++i) {
    for (std::size_t more = 0; more < recording.records[i].size(); ++more) {
      const auto outcome = run_again(whole.substr(0, whole_records + more));
      if (!outcome) FAIL(outcome.error().message);
      CHECK(outcome->events == i / 2);
      CHECK(outcome->without_effects == (i + 1) % 2);
      CHECK(outcome->differences.empty());
      const std::string cut = "it was cut at byte " + std::to_string(whole_records) + ", within a record";
      CHECK(outcome->end == (more == 0 ? "" : cut));
    }
    whole_records += recording.records[i].size();
  }
}

TEST_CASE("a flipped bit anywhere in a log is found, with its place", "[scheduler]") {
  Recording recording = recorded();
  recording.records.resize(5);
  const std::string whole = recording.bytes();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
    const auto outcome = run_again(damaged);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message.starts_with("byte "));
  }
}

TEST_CASE("a record that is missing, or there twice, is found", "[scheduler]") {
  Recording one_less = recorded();
  one_less.records.erase(one_less.records.begin() + 3, one_less.records.begin() + 5);
  const auto without = run_again(one_less.bytes());
  REQUIRE_FALSE(without);
  CHECK(without.error().message.find("record 4: found the checksum") != std::string::npos);
  Recording one_more = recorded();
  one_more.records.insert(one_more.records.begin() + 3, one_more.records.begin() + 1, one_more.records.begin() + 3);
  CHECK_FALSE(run_again(one_more.bytes()));
}

TEST_CASE("a log says of itself that it is none, of another version, or ended early", "[scheduler]") {
  CHECK(run_again("name: graph\n").error().message ==
        "byte 0: found no 'troupe event log 2', expected an event log, as 'troupe start --record FILE' writes it");
  CHECK(run_again("troupe event log 1\n").error() ==
        Error{Fault::unsupported, "byte 17: found version '1', expected 2: use the troupe that wrote it"});
  Recording recording = recorded();
  recording.records.push_back(recording.framer.frame(encode_stopped("it was full")));
  const auto outcome = run_again(recording.bytes());
  REQUIRE(outcome);
  CHECK(outcome->end == "the recording ended there: it was full");
}
