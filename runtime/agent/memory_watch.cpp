#include "runtime/agent/memory_watch.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

namespace troupe {
namespace {

constexpr std::chrono::milliseconds between_looks{200};
constexpr int most_generations = 32;  // Of children's children.

std::string mebibytes(std::int64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

std::int64_t private_memory_of(pid_t process, int generations) {
  const std::string folder = "/proc/" + std::to_string(process);
  std::int64_t size = 0;
  std::int64_t resident = 0;
  std::int64_t shared = 0;
  if (!(std::ifstream(folder + "/statm") >> size >> resident >> shared)) return 0;
  std::int64_t bytes = (resident - shared) * ::sysconf(_SC_PAGESIZE);
  if (generations == 0) return bytes;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(folder + "/task", gone)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) bytes += private_memory_of(child, generations - 1);
  }
  return bytes;
}

}  // namespace

std::int64_t private_memory_of(pid_t process) { return private_memory_of(process, most_generations); }

void MemoryWatch::limit(pid_t process, std::int64_t bytes) {
  if (bytes == 0) {
    watched_.erase(process);
  } else {
    watched_[process].limit = bytes;
  }
}

void MemoryWatch::look(Time now) {
  if (now < next_look()) return;
  next_look_ = now + between_looks;
  for (auto& [process, its] : watched_) {
    const std::int64_t used = private_memory_of(process);
    if (used <= its.limit || its.used > 0) continue;
    its.used = used;
    ::kill(process, SIGKILL);
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
