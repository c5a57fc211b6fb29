// A disk that is full: a small file system in memory, which only root can mount.
#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include <cstdio>

#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/own_redis.h"

namespace troupe::scheduler::test {
namespace {

/// A folder on a disk of its own.
class SmallDisk {
 public:
  explicit SmallDisk(const char* size) {
    if (::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, size) == 0) return;
    std::fprintf(stderr, "skipped: cannot mount a small disk: %s\n", ::strerror(errno));
    std::_Exit(77);
  }
  ~SmallDisk() { ::umount2(folder_.path().c_str(), MNT_DETACH); }
  void grow(const char* size) { REQUIRE(::mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT, size) == 0); }
  std::string store() const { return folder_.path() + "/store"; }

 private:
  Folder folder_;
};

}  // namespace

TEST_CASE("a full disk ends redis-server and not the store: with more room all acknowledged is there", "[redis]") {
  SmallDisk disk("size=2m");
  auto server = RedisServer::start_and_wait({.folder = disk.store()});
  REQUIRE(server);
  RedisTaskStore store({.socket = server->socket(), .patience = milliseconds(300)});
  opened(store);
  Model model;
  std::optional<Error> lost;
  Batch unsettled;
  for (std::uint64_t job = 1; job < 1'000 && !lost; ++job) {
    unsettled = small_graph(JobId{job}, 200);
    const CommitOutcome outcome = commit(store, unsettled);
    if (const auto* end = std::get_if<StoreLost>(&outcome)) {
      lost = end->error;
    } else {
      model.add(unsettled);
    }
  }
  REQUIRE(lost);
  CHECK(lost->fault == Fault::timed_out);  // It may be stored or not: nobody was told that it is.
  CHECK_FALSE(server->is_running());
  const auto why = server->is_ready();
  REQUIRE_FALSE(why);
  CHECK_THAT(why.error().message, Catch::Contains("redis.log"));

  disk.grow("size=64m");
  server = RedisServer::start_and_wait({.folder = disk.store()});
  REQUIRE(server);
  const StoredState state = opened(store);
  if (!model.holds(state)) {
    model.add(unsettled);
    CHECK(model.holds(state));
  }
  committed(store, small_graph(JobId{5'000}, 200));
}

}  // namespace troupe::scheduler::test
