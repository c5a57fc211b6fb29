// What `troupe start` began, as it is found again: a folder for each process, locked while anything of it runs.
//
//   FOLDER/members/NAME/   lock (its supervisor's process id) · log · node (its id) · seen · logs/ (of its workers)
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"
#include "runtime/base/store_age.h"
#include "runtime/ring/descriptor.h"

namespace troupe::scheduler {

/// The member that has the store; it is the cluster's head.
inline constexpr const char* head_member = "head";

/// What the names of members begin with that are schedulers alone.
inline constexpr const char* standby_prefix = "standby-";

std::string member_folder(const std::string& cluster_folder, const std::string& name);

/// The lock is shared with all processes that are forked from the one that took it: it is free when they all are gone.
class MemberLock {
 public:
  /// Makes the folder, and writes down who has it.
  ///
  /// Fails with: unavailable (it is taken: by which process; or it cannot be made).
  static Result<MemberLock> take(const std::string& folder);
  MemberLock(MemberLock&& other) noexcept;
  MemberLock& operator=(MemberLock&&) = delete;
  ~MemberLock();

 private:
  explicit MemberLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

/// Held by those who start a cluster, and by those who remove what is left of one. Of a folder that is not there nobody
/// has it.
class FolderLock {
 public:
  enum class Waits { yes, no };
  FolderLock(const std::string& cluster_folder, Waits waits);
  explicit operator bool() const { return is_had_; }

 private:
  Descriptor folder_;
  bool is_had_ = false;
};

/// What an agent keeps of the cluster's store: the file in its member's folder, and the most that any of them has seen.
std::string seen_file(const std::string& folder);
StoreAge highest_seen(const std::string& cluster_folder, ClusterId cluster);

/// A node as its agent joins: its id is drawn once, its incarnation grows with each start.
struct NodeStart {
  NodeId node;
  std::uint64_t incarnation = 0;
};
/// Counts the start of the member's agent, on disk.
///
/// Fails with: unavailable.
Result<NodeStart> count_start(const std::string& folder);

struct Member {
  std::string name;
  std::string folder;
  pid_t pid = 0;
};

/// Those that run, in the order of their names.
std::vector<Member> running_members(const std::string& cluster_folder);
/// Whether one runs there.
std::optional<Member> running_member(const std::string& cluster_folder, const std::string& name);

/// Tells each to end in order, and waits until all are gone.
///
/// Fails with: timed_out (which one does not end).
Result<void> end_members(const std::vector<Member>& members, std::chrono::milliseconds limit);

}  // namespace troupe::scheduler
