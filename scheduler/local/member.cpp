#include "scheduler/local/member.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <utility>

#include "runtime/agent/seen_file.h"
#include "runtime/base/replace_file.h"

namespace troupe::scheduler {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int between_looks_ms = 5;
constexpr int longest_end_ms = 5000;

std::string lock_file(const std::string& folder) { return folder + "/lock"; }

/// Not a zombie either: what else there is of it, threads or children of its last moment, is about to end.
bool lives(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto state = text.rfind(") ");
  return state != std::string::npos && text.find_first_of("ZX", state) != state + 2;
}

pid_t named_in(int lock) {
  char text[16] = {};
  pid_t holder = 0;
  const auto size = ::pread(lock, text, sizeof text, 0);
  if (size > 0) std::from_chars(text, text + size, holder);
  return holder;
}

/// False: somebody else has it. Of one who was killed it is free a moment later, which is waited for.
bool take_lock(int lock, int how) {
  for (int waited = 0; ::flock(lock, how | LOCK_NB) != 0; waited += between_looks_ms) {
    if (lives(named_in(lock)) || waited >= longest_end_ms) return false;
    ::poll(nullptr, 0, between_looks_ms);
  }
  return true;
}

/// Who holds the lock; 0: nobody.
pid_t holder_of(const std::string& folder) {
  const int lock = ::open(lock_file(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return 0;
  const pid_t holder = take_lock(lock, LOCK_SH) ? 0 : named_in(lock);
  ::close(lock);
  return holder;
}

}  // namespace

std::string member_folder(const std::string& cluster_folder, const std::string& name) {
  return cluster_folder + "/members/" + name;
}

Result<MemberLock> MemberLock::take(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  const int descriptor = ::open(lock_file(folder).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return Error{Fault::unavailable, "cannot write " + lock_file(folder) + ": " + ::strerror(errno) +
                                         ": choose another place by XDG_STATE_HOME"};
  MemberLock lock(descriptor);
  if (!take_lock(descriptor, LOCK_EX))
    return Error{Fault::unavailable, "it runs already, as process " + std::to_string(holder_of(folder)) +
                                         " (troupe status shows it, troupe stop ends it)"};
  const std::string text = std::to_string(::getpid()) + '\n';
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, text.data(), text.size(), 0) < 0)
    return Error{Fault::unavailable, "cannot write " + lock_file(folder) + ": " + ::strerror(errno)};
  return lock;
}

MemberLock::MemberLock(MemberLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
MemberLock::~MemberLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FolderLock::FolderLock(const std::string& cluster_folder, Waits waits)
    : folder_(::open(cluster_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  int result = -1;
  do result = folder_ ? ::flock(folder_.number(), LOCK_EX | (waits == Waits::no ? LOCK_NB : 0)) : -1;
  while (result != 0 && folder_ && errno == EINTR);
  is_had_ = result == 0;
}

std::string seen_file(const std::string& folder) { return folder + "/seen"; }

StoreAge highest_seen(const std::string& cluster_folder, ClusterId cluster) {
  StoreAge highest{cluster};
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(cluster_folder + "/members", ignored)) {
    const StoreAge seen = SeenFile::read(seen_file(entry.path().string()), cluster);
    highest.epoch = std::max(highest.epoch, seen.epoch);
    highest.commit_seq = std::max(highest.commit_seq, seen.commit_seq);
  }
  return highest;
}

Result<NodeStart> count_start(const std::string& folder) {
  const std::string path = folder + "/node";
  std::string id;
  NodeStart start;
  std::ifstream(path) >> id >> start.incarnation;
  start.node = NodeId{hex_from(id).value_or(0)};
  if (!start.node) start = {NodeId{random_id()}, 0};
  ++start.incarnation;
  if (auto kept = replace_file(path, to_text(start.node) + ' ' + std::to_string(start.incarnation) + '\n'); !kept)
    return kept.error();
  return start;
}

std::vector<Member> running_members(const std::string& cluster_folder) {
  std::vector<Member> members;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(cluster_folder + "/members", ignored)) {
    const std::string folder = entry.path().string();
    if (const pid_t pid = holder_of(folder); pid != 0) members.push_back({entry.path().filename(), folder, pid});
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  return members;
}

std::optional<Member> running_member(const std::string& cluster_folder, const std::string& name) {
  const std::string folder = member_folder(cluster_folder, name);
  const pid_t pid = holder_of(folder);
  return pid == 0 ? std::nullopt : std::optional(Member{name, folder, pid});
}

Result<void> end_members(const std::vector<Member>& members, std::chrono::milliseconds limit) {
  // The lock is looked at again just before: by then another process may have the number.
  for (const auto& member : members)
    if (holder_of(member.folder) == member.pid) ::kill(member.pid, SIGTERM);
  const auto end = Clock::now() + limit;
  for (const auto& member : members) {
    while (holder_of(member.folder) == member.pid) {
      if (Clock::now() >= end)
        return Error{Fault::timed_out, "'" + member.name + "' does not end, process " + std::to_string(member.pid) +
                                           ": see " + member.folder + "/log"};
      ::poll(nullptr, 0, between_looks_ms);
    }
  }
  return {};
}

}  // namespace troupe::scheduler
