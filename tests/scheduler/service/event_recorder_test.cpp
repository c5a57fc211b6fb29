#include "scheduler/service/event_recorder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "scheduler/service/replay.h"
#include "tests/support/folder.h"

using namespace troupe;
using namespace troupe::scheduler;

namespace {

const DriverJoined hello{.driver = {1}, .job = {.id = {1}, .name = "own"}};

/// Steps a core through `events` hellos and records it; not the effects of the last.
void record(EventRecorder& recorder, int events) {
  const Settings settings;
  Scheduler core(settings, {.epoch = 1}, Time{});
  recorder.opened(settings, {.epoch = 1}, Time{});
  for (int i = 1; i <= events; ++i) {
    recorder.takes(Time{i}, hello);
    const Effects effects = core.step(Time{i}, hello);
    if (i < events) recorder.gave(effects);
  }
}

struct Found {
  std::uint64_t events = 0;
  std::uint64_t without_effects = 0;
  std::string end;
};
Found found_in(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  auto replay = Replay::open(in);
  REQUIRE(replay);
  Found found;
  for (auto event = replay->next(); event.value(); event = replay->next()) {
    ++found.events;
    found.without_effects += (*event)->recorded ? 0 : 1;
    CHECK(is_as_recorded(**event, replay->run(**event)));
  }
  found.end = replay->end();
  return found;
}

}  // namespace

TEST_CASE("an event is in the file before the core has taken it", "[scheduler]") {
  const test::Folder folder;
  auto recorder = EventRecorder::create(folder.file("log"));
  REQUIRE(recorder);
  record(*recorder, 3);
  const Found found = found_in(folder.file("log"));  // The recorder lives and has not been asked to write anything.
  CHECK(found.events == 3);
  CHECK(found.without_effects == 1);
}

TEST_CASE("a recording overwrites nothing, and others may not read it", "[scheduler]") {
  const test::Folder folder;
  std::ofstream(folder.file("log")) << "something else";
  for (const char* name : {"log.2", "log.3"}) {
    auto recorder = EventRecorder::create(folder.file("log"));
    REQUIRE(recorder);
    CHECK(recorder->file() == folder.file(name));
    record(*recorder, 2);
    struct stat status {};
    REQUIRE(::stat(recorder->file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  CHECK(std::filesystem::file_size(folder.file("log")) == 14);
  CHECK(found_in(folder.file("log.2")).events == 2);
}

TEST_CASE("a recording that is full ends, says so, and is no larger than it may be", "[scheduler]") {
  const test::Folder folder;
  constexpr std::uint64_t limit = 4000;
  {
    auto recorder = EventRecorder::create(folder.file("log"), limit);
    REQUIRE(recorder);
    record(*recorder, 1000);
  }
  const Found found = found_in(folder.file("log"));
  CHECK(found.events > 10);
  CHECK(found.events < 1000);
  CHECK(found.end == "the recording ended there: it has reached its limit of 4000 bytes");
  CHECK(std::filesystem::file_size(folder.file("log")) <= limit);
}

TEST_CASE("a recording that cannot be made says why", "[scheduler]") {
  const auto none = EventRecorder::create("/proc/self/nowhere");
  REQUIRE_FALSE(none);
  CHECK(none.error().fault == Fault::unavailable);
}
