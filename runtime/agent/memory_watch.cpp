#include "runtime/agent/memory_watch.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <utility>
#include <vector>

namespace troupe {
namespace {

constexpr std::chrono::milliseconds between_looks{200};
constexpr int most_generations = 32;  // Of children's children.

std::string mebibytes(std::int64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

/// The process, and what it has started.
void add_tree(pid_t process, int generations, std::vector<pid_t>& tree) {
  tree.push_back(process);
  if (generations == 0) return;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", gone)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) add_tree(child, generations - 1, tree);
  }
}

/// Resident and of no file, in bytes: what it shares with others since a fork counts in each. Cheap.
std::int64_t most_used_by(pid_t process) {
  std::int64_t size = 0;
  std::int64_t resident = 0;
  std::int64_t shared = 0;
  std::ifstream("/proc/" + std::to_string(process) + "/statm") >> size >> resident >> shared;
  return (resident - shared) * ::sysconf(_SC_PAGESIZE);
}

/// Likewise, but of what is shared only its part.
std::int64_t used_by(pid_t process) {
  std::ifstream lines("/proc/" + std::to_string(process) + "/smaps_rollup");
  for (std::string name; lines >> name;) {
    std::int64_t kibibytes = 0;
    if (name == "Pss_Anon:" && lines >> kibibytes) return kibibytes << 10;
  }
  return most_used_by(process);  // An older kernel.
}

std::int64_t sum(const std::vector<pid_t>& tree, std::int64_t (*used)(pid_t)) {
  return std::accumulate(tree.begin(), tree.end(), std::int64_t{0},
                         [used](std::int64_t bytes, pid_t process) { return bytes + used(process); });
}

}  // namespace

void MemoryWatch::limit(const Process& process, std::int64_t bytes) {
  if (bytes == 0) {
    watched_.erase(process.pid);
  } else {
    Watched& watched = watched_[process.pid];
    watched.process = process;
    watched.limit = bytes;
  }
}

void MemoryWatch::look(Time now) {
  if (now < next_look()) return;
  next_look_ = now + between_looks;
  for (auto& [pid, its] : watched_) {
    if (its.used > 0 || has_ended(its.process)) continue;
    std::vector<pid_t> tree;
    add_tree(pid, most_generations, tree);
    if (sum(tree, most_used_by) <= its.limit) continue;
    const std::int64_t used = sum(tree, used_by);
    if (used <= its.limit) continue;
    its.used = used;
    send_signal(its.process, SIGKILL);
    for (std::size_t i = 1; i < tree.size(); ++i) ::kill(tree[i], SIGKILL);
  }
}

std::string MemoryWatch::take_cause(pid_t process, int signal) {
  const auto found = watched_.extract(process);
  if (!found.empty() && found.mapped().used > 0)
    return "out of memory: it used " + mebibytes(found.mapped().used) + ", it was granted " +
           mebibytes(found.mapped().limit) + ": ask for more (needs.memory); ";
  if (signal != SIGKILL) return {};
  const std::uint64_t known = std::exchange(kernels_kills_, kills_by_kernel());
  if (kernels_kills_ <= known) return {};
  return "it may have run out of memory: the kernel of its node has killed for lack of memory meanwhile; ";
}

/// By all that it was short of memory for, its own or a cgroup's.
std::uint64_t MemoryWatch::kills_by_kernel() {
  std::ifstream counts("/proc/vmstat");
  std::string name;
  for (std::uint64_t count = 0; counts >> name >> count;)
    if (name == "oom_kill") return count;
  return 0;
}

}  // namespace troupe
