#include "runtime/agent/recent_attempts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>

#include "runtime/base/crc32c.h"
#include "runtime/worker/task_log.h"

namespace troupe {
namespace {

constexpr std::uint64_t magic_and_version = 0x7472'6f75'7065'0002;

std::string file_in(const std::string& folder) { return folder + '/' + recent_attempts_file; }

struct Entry {
  std::uint64_t stamp = 0;  // Its number, from 1 on.
  std::uint64_t job = 0;
  std::uint32_t number = 0;
  std::uint32_t epoch = 0;
  std::uint32_t attempt = 0;
  std::uint16_t end = 0;
  std::uint16_t name_bytes = 0;
  std::int64_t started_ms = 0;
  std::int64_t ended_ms = 0;
  std::array<char, RecentAttempts::most_name_bytes> name{};
  std::uint32_t checksum = 0;  // Of all before it.
};
static_assert(sizeof(Entry) == 128 && std::is_trivially_copyable_v<Entry>);

std::uint32_t checksum_of(const Entry& entry) {
  return crc32c({reinterpret_cast<const char*>(&entry), offsetof(Entry, checksum)});
}

}  // namespace

/// As it lies in memory and on disk.
struct RecentAttempts::File {
  std::uint64_t version = 0;
  std::uint64_t node = 0;
  std::uint64_t noted = 0;  // So far, over all incarnations.
  std::array<std::uint64_t, 13> unused{};
  std::array<Entry, most> entries{};

  static File* map(int descriptor, int protection) {
    void* place = ::mmap(nullptr, sizeof(File), protection, MAP_SHARED, descriptor, 0);
    return place == MAP_FAILED ? nullptr : static_cast<File*>(place);
  }
};

RecentAttempts::RecentAttempts(const std::string& folder, NodeId node)
    : core_began_ms_(
          std::chrono::duration_cast<agent::Time>(std::chrono::system_clock::now().time_since_epoch()).count()) {
  if (folder.empty()) return;
  const int descriptor = ::open(file_in(folder).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  if (::posix_fallocate(descriptor, 0, sizeof(File)) == 0 && ::ftruncate(descriptor, sizeof(File)) == 0)
    file_ = File::map(descriptor, PROT_READ | PROT_WRITE);
  ::close(descriptor);
  if (file_ == nullptr || (file_->version == magic_and_version && file_->node == node.value)) return;
  std::memset(static_cast<void*>(file_), 0, sizeof(File));
  file_->node = node.value;
  file_->version = magic_and_version;
}

RecentAttempts::~RecentAttempts() {
  if (file_ != nullptr) ::munmap(file_, sizeof(File));
}

void RecentAttempts::note(const agent::SendReport& told) {
  if (file_ == nullptr || !told.began) return;
  const AttemptReport& report = told.report;
  Entry entry{.stamp = ++file_->noted,
              .job = report.task.job.value,
              .number = report.task.number,
              .epoch = report.attempt.epoch,
              .attempt = report.attempt.number,
              .end = static_cast<std::uint16_t>(report.end),
              .name_bytes = static_cast<std::uint16_t>(std::min(told.name.size(), most_name_bytes)),
              .started_ms = core_began_ms_ + told.began->count(),
              .ended_ms = core_began_ms_ + told.ended.count()};
  std::memcpy(entry.name.data(), told.name.data(), entry.name_bytes);
  entry.checksum = checksum_of(entry);
  std::memcpy(&file_->entries[(entry.stamp - 1) % most], &entry, sizeof entry);
}

std::vector<RecentAttempt> RecentAttempts::read(const std::string& folder) {
  std::vector<RecentAttempt> attempts;
  const int descriptor = ::open(file_in(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return attempts;
  struct stat about {};
  const bool is_whole = ::fstat(descriptor, &about) == 0 && about.st_size == static_cast<off_t>(sizeof(File));
  File* file = is_whole ? File::map(descriptor, PROT_READ) : nullptr;
  ::close(descriptor);
  if (file == nullptr) return attempts;
  std::vector<std::pair<std::uint64_t, std::size_t>> order;  // Stamp, place in `attempts`.
  for (const Entry& each : file->entries) {
    if (file->version != magic_and_version) break;
    Entry entry;
    std::memcpy(&entry, &each, sizeof entry);
    const bool is_whole = entry.stamp != 0 && entry.checksum == checksum_of(entry);
    if (!is_whole || entry.end > static_cast<std::uint16_t>(AttemptEnd::preempted)) continue;
    order.emplace_back(entry.stamp, attempts.size());
    const std::size_t name_bytes = std::min<std::size_t>(entry.name_bytes, most_name_bytes);
    attempts.push_back({.task = {JobId{entry.job}, entry.number},
                        .attempt = {entry.epoch, entry.attempt},
                        .node = NodeId{file->node},
                        .name = std::string(entry.name.data(), name_bytes),
                        .started_ms = entry.started_ms,
                        .ended_ms = entry.ended_ms,
                        .end = static_cast<AttemptEnd>(entry.end)});
  }
  ::munmap(file, sizeof(File));
  std::sort(order.begin(), order.end());
  std::vector<RecentAttempt> in_order;
  for (const auto& [stamp, place] : order) in_order.push_back(std::move(attempts[place]));
  return in_order;
}

}  // namespace troupe
