#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/parallel/slot_accumulator.h"
#include "tests/nn/parallel/gang.h"

using namespace troupe;
using namespace troupe::nn;
using namespace troupe::nn::testing;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::string new_name() {
  static int number = 0;
  return "/troupe-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

/// What this process, or one it forked, left in /dev/shm.
std::vector<std::string> left_behind() {
  const std::string prefix = "troupe-test-" + std::to_string(::getpid()) + "-";
  std::vector<std::string> names;
  DIR* folder = ::opendir("/dev/shm");
  while (const dirent* entry = ::readdir(folder)) {
    if (std::string(entry->d_name).starts_with(prefix)) names.push_back(entry->d_name);
  }
  ::closedir(folder);
  return names;
}

Mesh mesh_of(std::size_t replicas, std::size_t stages) {
  Mesh mesh{.replicas = replicas, .stages = stages, .slots = 4};
  mesh.parameters.assign(stages, 100);
  mesh.border_elements.assign(stages - 1, 10);
  return mesh;
}

Result<Reduction> sum_once(Communicator& ranks, std::size_t filled = 4) {
  SlotAccumulator accumulator(ranks.slots(), 100, ranks.piece_storage());
  accumulator.start(filled);
  for (std::size_t slot = ranks.slots().begin; slot < std::min(ranks.slots().end, filled); ++slot) {
    std::ranges::fill(accumulator.gradient(slot), 1.0f);
    accumulator.finish(slot);
  }
  return ranks.all_reduce_tree({.filled = filled, .pieces = accumulator.pieces()});
}

Fault fault_of(const Result<Reduction>& result) { return result ? Fault::bad_input : result.error().fault; }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Ranks as processes. The parent has no other thread while it forks.
class Processes {
 public:
  using Body = std::function<int(std::size_t rank)>;

  Processes(std::size_t world, const Body& body) {
    for (std::size_t rank = 0; rank < world; ++rank) {
      const pid_t process = ::fork();
      REQUIRE(process >= 0);
      if (process == 0) ::_exit(body(rank));
      processes_.push_back(process);
    }
  }

  ~Processes() {
    for (const pid_t process : processes_) {
      if (process == 0) continue;
      ::kill(process, SIGKILL);
      ::waitpid(process, nullptr, 0);
    }
  }

  /// The exit code, or minus the signal.
  int wait_for(std::size_t rank) {
    int status = 0;
    REQUIRE(::waitpid(processes_[rank], &status, 0) == processes_[rank]);
    processes_[rank] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  std::vector<pid_t> processes_;
};

enum Outcome { good = 0, not_joined = 10, no_failure, another_fault, another_rank, too_late, another_message };

struct Expected {
  Fault fault;
  std::size_t rank;
  std::chrono::milliseconds within;
};

/// Works until something fails, and tells whether it failed as it should.
int work_until(Communicator& ranks, const Expected& expected, const std::function<Result<void>()>& step) {
  for (int i = 0; i < 1000000; ++i) {
    const auto start = Clock::now();
    const Result<void> done = step();
    if (done) continue;
    if (done.error().fault != expected.fault) return another_fault;
    if (ranks.failed_rank() != expected.rank) return another_rank;
    if (!contains(done.error().message, "rank " + std::to_string(expected.rank))) return another_message;
    return Clock::now() - start < expected.within ? good : too_late;
  }
  return no_failure;
}

}  // namespace

TEST_CASE("a rank that never comes is named at the deadline, and nothing is left", "[faults]") {
  for (const bool create : {true, false}) {
    const std::string name = new_name();
    const auto start = Clock::now();
    auto alone =
        join_shared_memory({.name = name, .mesh = mesh_of(2, 1), .rank = 0, .create = create, .deadline = 150ms});
    const auto waited = Clock::now() - start;
    REQUIRE_FALSE(alone);
    CHECK(alone.error().fault == Fault::timed_out);
    CHECK(contains(alone.error().message, create ? "rank 1 is missing" : "the rank that creates it has not come"));
    CHECK(waited >= 150ms);
    CHECK(waited < 1s);
  }
  CHECK(left_behind().empty());
}

TEST_CASE("a rank that does not come to the sum is named at the deadline, to all", "[faults]") {
  std::atomic<bool> over{false};
  const auto answers = run_gang<std::string>(mesh_of(3, 1), 150ms, [&](Communicator& ranks) -> std::string {
    if (ranks.rank() == 1) {
      while (!over) std::this_thread::yield();
      return sum_once(ranks).error().message;
    }
    const auto sum = sum_once(ranks);
    over = true;
    if (fault_of(sum) != Fault::timed_out || ranks.failed_rank() != 1) return "another failure";
    return sum.error().message;
  });
  CHECK(contains(answers[0], "rank 1 is missing"));
  CHECK(contains(answers[0], "in all-reduce 1"));
  CHECK(answers[1] == answers[0]);
  CHECK(answers[2] == answers[0]);
}

TEST_CASE("who keeps the others waiting is named, not who waits for him too", "[faults]") {
  std::atomic<int> ended{0};
  const auto answers = run_gang<std::string>(mesh_of(1, 4), 200ms, [&](Communicator& ranks) -> std::string {
    std::string answer;
    if (ranks.rank() == 0) {
      while (ended < 3) std::this_thread::yield();
    } else {
      const auto input = ranks.receive(Flow::activations, 0, 5);
      answer = input ? "" : input.error().message;
      ++ended;
    }
    return answer;
  });
  for (std::size_t rank = 1; rank < 4; ++rank) CHECK(contains(answers[rank], "rank 0 (stage 0) is missing"));
}

TEST_CASE("a rank whose process is killed is named in under a second, to all", "[faults]") {
  for (const std::size_t stages : {1, 2}) {
    const std::string name = new_name();
    const Mesh mesh = mesh_of(2, stages);
    const std::size_t victim = mesh.world() - 1;
    Processes processes(mesh.world(), [&](std::size_t rank) -> int {
      auto ranks = join_shared_memory({.name = name, .mesh = mesh, .rank = rank, .create = rank == 1, .deadline = 10s});
      if (!ranks) return not_joined;
      int steps = 0;
      const Expected expected{.fault = Fault::peer_lost, .rank = victim, .within = 1s};
      return work_until(**ranks, expected, [&]() -> Result<void> {
        if (rank == victim && ++steps == 100) ::kill(::getpid(), SIGKILL);
        if (auto sum = sum_once(**ranks); !sum) return sum.error();
        return (*ranks)->barrier();
      });
    });
    for (std::size_t rank = 0; rank < victim; ++rank) CHECK(processes.wait_for(rank) == good);
    CHECK(processes.wait_for(victim) == -SIGKILL);
    CHECK(left_behind().empty());
  }
}

TEST_CASE("a rank whose process is stopped is named at the deadline", "[faults]") {
  const std::string name = new_name();
  const Mesh mesh = mesh_of(1, 3);
  Processes processes(mesh.world(), [&](std::size_t rank) -> int {
    auto ranks = join_shared_memory({.name = name, .mesh = mesh, .rank = rank, .create = rank == 0, .deadline = 400ms});
    if (!ranks) return not_joined;
    int steps = 0;
    const Expected expected{.fault = Fault::timed_out, .rank = 1, .within = 1500ms};
    return work_until(**ranks, expected, [&]() -> Result<void> {
      if (rank == 1 && ++steps == 50) ::kill(::getpid(), SIGSTOP);
      if (rank > 0) {
        if (auto input = (*ranks)->receive(Flow::activations, 2, 10); !input) return input.error();
        (*ranks)->release(Flow::activations, 2);
      }
      if (rank < 2) {
        if (auto output = (*ranks)->outgoing(Flow::activations, 2, 10); !output) return output.error();
        (*ranks)->send(Flow::activations, 2);
      }
      return (*ranks)->barrier();
    });
  });
  CHECK(processes.wait_for(0) == good);
  CHECK(processes.wait_for(2) == good);
}

TEST_CASE("whenever a rank is killed, nothing is left in shared memory", "[faults]") {
  enum When { before_it_joins, while_it_waits_for_the_others, once_all_have_joined };
  for (const When when : {before_it_joins, while_it_waits_for_the_others, once_all_have_joined}) {
    const std::string name = new_name();
    const auto die = [] { ::kill(::getpid(), SIGKILL); };
    Processes processes(3, [&](std::size_t rank) -> int {
      if (rank == 2 && when == before_it_joins) die();
      if (rank == 1 && when == while_it_waits_for_the_others) return good;  // Never comes.
      SharedMemoryOptions options{.name = name,
                                  .mesh = mesh_of(3, 1),
                                  .rank = rank,
                                  .create = rank == (when == before_it_joins ? 0u : 2u),
                                  .deadline = when == before_it_joins ? 300ms : 10s};
      if (rank == 2 && when == while_it_waits_for_the_others) {
        // It first looks after the others when one is there and another is not.
        options.alive = [&](std::size_t) {
          die();
          return false;
        };
      }
      auto ranks = join_shared_memory(options);
      if (rank == 2) die();
      if (!ranks && when == before_it_joins) return ranks.error().fault == Fault::timed_out ? good : another_fault;
      const Error error = ranks ? sum_once(**ranks).error() : ranks.error();
      if (error.fault != Fault::peer_lost) return another_fault;
      return contains(error.message, "rank 2 died") ? good : another_message;
    });
    CAPTURE(when);
    CHECK(processes.wait_for(0) == good);
    CHECK(processes.wait_for(1) == good);
    CHECK(processes.wait_for(2) == -SIGKILL);
    CHECK(left_behind().empty());
  }
}

TEST_CASE("a rank that reports its own failure stops the others with its words", "[faults]") {
  const auto answers = run_gang<std::string>(mesh_of(3, 1), 10s, [](Communicator& ranks) -> std::string {
    if (ranks.rank() == 2) ranks.abort({Fault::task_failed, "the loss is not a number"});
    const auto sum = sum_once(ranks);
    if (fault_of(sum) != Fault::task_failed || ranks.failed_rank() != 2) return "another failure";
    if (ranks.barrier() || ranks.barrier().error() != sum.error()) return "the first cause is kept";
    return sum.error().message;
  });
  for (const std::string& answer : answers) CHECK(answer == "rank 2 stopped: the loss is not a number");
}

TEST_CASE("a rank that leaves is named at once by those who still need it", "[faults]") {
  const auto answers = run_gang<std::string>(mesh_of(2, 1), 10s, [](Communicator& ranks) -> std::string {
    if (ranks.rank() == 1) return "";
    const auto start = Clock::now();
    const auto sum = sum_once(ranks);
    if (fault_of(sum) != Fault::peer_lost || Clock::now() - start > 1s) return "another failure";
    return sum.error().message;
  });
  CHECK(contains(answers[0], "rank 1 left: found by rank 0 in all-reduce 1"));
}

TEST_CASE("what a rank did before it left still counts", "[faults]") {
  for (int i = 0; i < 20; ++i) {
    const auto answers = run_gang<std::string>(mesh_of(4, 1), 10s, [](Communicator& ranks) -> std::string {
      const auto sum = sum_once(ranks);
      return sum ? "" : sum.error().message;
    });
    for (const std::string& answer : answers) CHECK(answer == "");
  }
}

TEST_CASE("a death is found by the check that is handed in", "[faults]") {
  SharedSegment segment = SharedSegment::anonymous(segment_bytes(mesh_of(2, 1))).value();
  const auto join = [&](std::size_t rank) {
    return join_shared_memory({.mesh = mesh_of(2, 1),
                               .rank = rank,
                               .create = rank == 0,
                               .deadline = 10s,
                               .segment = &segment,
                               .alive = [](std::size_t other) { return other != 1; }});
  };
  std::unique_ptr<Communicator> second;
  std::jthread other([&] { second = join(1).value(); });
  auto first = join(0);
  REQUIRE(first);
  other.join();
  const auto sum = sum_once(**first);
  CHECK(fault_of(sum) == Fault::peer_lost);
  CHECK(contains(sum.error().message, "rank 1 died"));
}

TEST_CASE("ranks that disagree about the batch are told so", "[faults]") {
  const auto answers = run_gang<std::string>(mesh_of(2, 1), 10s, [](Communicator& ranks) -> std::string {
    const auto sum = sum_once(ranks, ranks.rank() == 0 ? 4 : 3);
    return fault_of(sum) == Fault::corrupt ? sum.error().message : "another failure";
  });
  CHECK(answers[0] == answers[1]);
  CHECK(contains(answers[0], "expected the same batch"));
}

TEST_CASE("a message of another size than expected is refused", "[faults]") {
  const auto answers = run_gang<std::string>(mesh_of(1, 2), 10s, [](Communicator& ranks) -> std::string {
    if (ranks.rank() == 0) {
      if (!ranks.outgoing(Flow::activations, 3, 7)) return "not sent";
      ranks.send(Flow::activations, 3);
      return ranks.receive(Flow::gradients, 3, 7).error().message;
    }
    const auto input = ranks.receive(Flow::activations, 3, 8);
    return input.error().fault == Fault::corrupt ? input.error().message : "another failure";
  });
  CHECK(answers[1] == "rank 0 (stage 0) sent 7 elements of activations of slot 3, rank 1 (stage 1) expected 8");
  CHECK(answers[0] == answers[1]);
}

TEST_CASE("ranks with different meshes refuse each other", "[faults]") {
  const std::string name = new_name();
  Result<std::unique_ptr<Communicator>> first = bad_input("");
  {
    std::jthread creator([&] {
      first = join_shared_memory({.name = name, .mesh = mesh_of(2, 1), .rank = 0, .create = true, .deadline = 10s});
    });
    Mesh other = mesh_of(2, 1);
    other.parameters = {101};
    auto second = join_shared_memory({.name = name, .mesh = other, .rank = 1, .deadline = 10s});
    REQUIRE_FALSE(second);
    CHECK(second.error().fault == Fault::refused);
    CHECK(second.error().message ==
          "the gang's segment was made for 2 replicas x 1 stage, 4 slots, rank 1 expects 2 replicas x 1 stage, 4 slots "
          "of other sizes: give every rank the same plan");
  }
  REQUIRE_FALSE(first);
  CHECK(first.error().message.starts_with("the gang's segment was made for"));
  CHECK(left_behind().empty());
}

TEST_CASE("a name that is taken, or is none, is refused", "[faults]") {
  const std::string name = new_name();
  SharedSegment taken = SharedSegment::create(name, 4096).value();
  auto second = join_shared_memory({.name = name, .mesh = mesh_of(1, 1), .create = true});
  CHECK(second.error().fault == Fault::refused);
  CHECK(contains(second.error().message, "exists already"));
  // Not a gang's segment: nobody ever says that it is ready.
  auto joiner = join_shared_memory({.name = name, .mesh = mesh_of(2, 1), .rank = 1, .deadline = 50ms});
  CHECK(joiner.error().fault == Fault::timed_out);
  taken.unlink();
  for (const std::string bad : {"name", "/", "/a/b", "/../x"}) {
    CHECK(join_shared_memory({.name = bad, .mesh = mesh_of(1, 1), .create = true}).error().fault == Fault::bad_input);
  }
  CHECK(left_behind().empty());
}

TEST_CASE("a segment larger than shared memory is an error, not a crash", "[faults]") {
  Mesh mesh = mesh_of(2, 1);
  mesh.parameters = {std::size_t{1} << 40};
  auto huge = join_shared_memory({.name = new_name(), .mesh = mesh, .create = true});
  REQUIRE_FALSE(huge);
  CHECK(huge.error().fault == Fault::unavailable);
  CHECK(contains(huge.error().message, "no room for"));
  CHECK(left_behind().empty());
  mesh.parameters = {~std::size_t{0}};
  CHECK(join_shared_memory({.name = new_name(), .mesh = mesh, .create = true}).error().fault == Fault::bad_input);
}

TEST_CASE("a mesh that cannot be is refused in words", "[faults]") {
  Mesh mesh = mesh_of(5, 1);
  CHECK(contains(join_shared_memory({.name = "/x", .mesh = mesh}).error().message, "--slots"));
  mesh = mesh_of(2, 2);
  mesh.parameters.pop_back();
  CHECK(contains(join_shared_memory({.name = "/x", .mesh = mesh}).error().message, "found 1 entries, expected 2"));
  CHECK(join_shared_memory({.name = "/x", .mesh = mesh_of(2, 1), .rank = 2}).error().fault == Fault::bad_input);
  CHECK(join_shared_memory({.mesh = mesh_of(2, 1)}).error().fault == Fault::bad_input);
  CHECK(check(Mesh{.replicas = 0, .parameters = {1}}).error().fault == Fault::bad_input);
}
