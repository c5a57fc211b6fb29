// The few numbers that a node keeps of itself, by the first byte: what it has seen of its cluster's store, and who it
// is. What was read is written alike. Who a node is, is read by five lines of scheduler/local/member.cpp, whose others
// are about locks.
// Covers: runtime/agent/seen_file.cpp
#include "runtime/agent/seen_file.h"

#include "runtime/base/check.h"
#include "scheduler/local/member.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr ClusterId cluster{1, 2};

void run_seen(std::string_view bytes) {
  const std::string path = folder_in_memory().file("seen");
  write_file(path, bytes);
  const StoreAge seen = SeenFile::read(path, cluster);
  int told = 0;
  {
    SeenFile file(path, {cluster}, [&told] { ++told; });
    file.keep(seen);
  }
  TROUPE_CHECK(told == (seen.epoch == 0 ? 0 : 1), "another epoch is told of");
  TROUPE_CHECK(SeenFile::read(path, cluster) == seen, "what was read is written alike");
}

void run_node(std::string_view bytes) {
  write_file(folder_in_memory().file("node"), bytes);
  const auto first = scheduler::count_start(folder_in_memory().path());
  const auto second = scheduler::count_start(folder_in_memory().path());
  TROUPE_CHECK(first && second && first->node && first->node == second->node, "a node stays who it is");
  TROUPE_CHECK(second->incarnation > first->incarnation, "each start is a later one");
}

/// A disk that takes nothing.
void run_refused() {
  SeenFile file(folder_in_memory().file("no-folder/seen"), {cluster}, [] {});
  file.keep({cluster, 3, 4});
}

}  // namespace

void run(std::string_view bytes) {
  Tape tape(bytes);
  if (bytes == "refused") return run_refused();
  return tape.byte() % 2 == 0 ? run_seen(tape.rest()) : run_node(tape.rest());
}

std::vector<std::string> seeds() {
  return {std::string("\0"
                      "3 17\n",
                      6),
          std::string("\0"
                      "4294967295 18446744073709551615\n",
                      33),
          "\1"
          "00c3000000000007 5\n",
          "refused"};
}

}  // namespace troupe::fuzz
