#include "runtime/worker/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace troupe {
namespace {

namespace fs = std::filesystem;

constexpr const char* owner_name = "owner";
constexpr const char* unfinished = ".new-";
constexpr std::size_t calls_of_a_batch = 1024;

Error cannot(const char* what, const std::string& path) {
  return {Fault::unavailable, std::string("cannot ") + what + ' ' + path + ": " + std::strerror(errno)};
}

Result<void> write_all(const Descriptor& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.number()) != 0) return cannot("sync", path);
  return {};
}

/// With those above it; their names are on disk when this returns well.
Result<void> make_folder(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  if (path.has_relative_path())
    if (auto made = make_folder(path.parent_path()); !made) return made;
  fs::create_directory(path, error);
  if (error) return Error{Fault::unavailable, "cannot make the folder " + path.string() + ": " + error.message()};
  ::chmod(path.c_str(), 0700);
  return sync_folder(path.parent_path().string());
}

Result<std::string> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot("read", path);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return cannot("read", path);
  return bytes;
}

std::string text_of(AttemptId attempt) {
  return std::to_string(attempt.epoch) + ' ' + std::to_string(attempt.number) + '\n';
}

Error in_file(const std::string& path, const Error& error) { return {error.fault, path + ": " + error.message}; }

}  // namespace

Result<StateFolder> StateFolder::take_over(std::string path, AttemptId attempt) {
  if (auto made = make_folder(path); !made) return made.error();
  StateFolder folder(std::move(path), attempt);
  AttemptId owner;
  if (std::ifstream file(folder.file(owner_name)); file >> owner.epoch >> owner.number && attempt < owner)
    return folder.check_owner().error();
  // Nobody checks the owner of what only says who that is.
  if (auto written = folder.commit(owner_name, text_of(attempt)); !written) return written.error();
  folder.remove_unfinished();
  return folder;
}

/// What earlier attempts did not come to rename.
void StateFolder::remove_unfinished() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path_, ignored))
    if (entry.path().filename().string().find(unfinished) != std::string::npos) fs::remove(entry.path(), ignored);
}

Result<void> StateFolder::check_owner() const {
  const auto owner = read_all(file(owner_name));
  if (!owner) return owner.error();
  if (*owner != text_of(next_.attempt))
    return Error{Fault::refused, "attempt " + owner->substr(0, owner->find('\n')) + " has taken over " + path_};
  return {};
}

/// Replaces the file whole or not at all, and is on disk when this returns well.
Result<void> StateFolder::commit(const std::string& name, std::string_view bytes) const {
  const auto [epoch, number] = next_.attempt;
  const std::string fresh = file(name) + unfinished + std::to_string(epoch) + '.' + std::to_string(number);
  {
    const Descriptor opened(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!opened) return cannot("write", fresh);
    if (auto written = write_all(opened, bytes, fresh); !written) return written;
    if (::fsync(opened.number()) != 0) return cannot("sync", fresh);
  }
  if (name != owner_name)
    if (auto owned = check_owner(); !owned) return owned;
  if (std::rename(fresh.c_str(), file(name).c_str()) != 0) return cannot("rename", fresh);
  return sync_folder(path_);
}

FoundFiles StateFolder::files() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path_, ignored)) names.push_back(entry.path().filename().string());
  return files_from(names);
}

Result<StateFolder::Found> StateFolder::read() {
  const FoundFiles there = files();
  Found found;
  for (auto each = there.checkpoints.rbegin(); each != there.checkpoints.rend() && !found.checkpoint; ++each) {
    const std::string path = file(checkpoint_name(*each));
    const auto bytes = read_all(path);
    if (!bytes) return bytes.error();
    auto checkpoint = decode_checkpoint(*bytes);
    if (checkpoint) {
      found.checkpoint = std::move(*checkpoint);
      last_checkpoint_ = *each;
    } else {
      found.damaged.push_back(path + ": " + checkpoint.error().message);
    }
  }
  if (!found.checkpoint && !found.damaged.empty())
    return Error{Fault::corrupt, "no checkpoint is whole: " + found.damaged.front()};
  // Without a checkpoint the last log has all.
  for (const Generation& log : there.logs) {
    if (last_checkpoint_ ? log < *last_checkpoint_ : log != there.logs.back()) continue;
    const auto follows = [&](const Generation& other) { return other.attempt == log.attempt && other > log; };
    const bool is_ended = std::any_of(there.logs.begin(), there.logs.end(), follows) ||
                          std::any_of(there.checkpoints.begin(), there.checkpoints.end(), follows);
    const std::string path = file(log_name(log));
    const auto bytes = read_all(path);
    if (!bytes) return bytes.error();
    auto calls = decode_log(*bytes, is_ended ? LogEnd::whole : LogEnd::may_be_cut);
    if (!calls) return in_file(path, calls.error());
    std::move(calls->begin(), calls->end(), std::back_inserter(found.calls));
  }
  return found;
}

Result<void> StateFolder::open_log(Generation generation, std::uint64_t batches) {
  const std::string path = file(log_name(generation));
  Descriptor opened(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!opened) return cannot("write", path);
  log_ = std::move(opened);
  log_path_ = path;
  batches_ = batches;
  return {};
}

Result<void> StateFolder::begin(const Checkpoint& checkpoint, bool with_log) {
  const Generation generation = next_;
  ++next_.number;
  // The log first: what syncs the checkpoint's name syncs the log's.
  if (with_log)
    if (auto opened = open_log(generation, 0); !opened) return opened;
  if (auto written = commit(checkpoint_name(generation), encode_checkpoint(checkpoint)); !written) {
    if (with_log)
      if (auto synced = sync_folder(path_); !synced) log_.reset();
    return written;
  }
  const auto before = std::exchange(last_checkpoint_, generation);
  remove_before(before.value_or(generation));
  return {};
}

Result<void> StateFolder::begin_log(const std::vector<LoggedCall>& so_far) {
  const Generation generation = next_;
  ++next_.number;
  std::string bytes;
  std::uint64_t batches = 0;
  for (std::size_t first = 0; first < so_far.size(); first += calls_of_a_batch) {
    const auto begin = so_far.begin() + static_cast<std::ptrdiff_t>(first);
    const auto size = static_cast<std::ptrdiff_t>(std::min(calls_of_a_batch, so_far.size() - first));
    bytes += encode_batch(batches++, {begin, begin + size});
  }
  if (auto written = commit(log_name(generation), bytes); !written) return written;
  if (auto opened = open_log(generation, batches); !opened) return opened;
  remove_before(generation);
  return {};
}

Result<void> StateFolder::append(const std::vector<LoggedCall>& calls) {
  if (!log_) return Error{Fault::unavailable, "the log in " + path_ + " cannot be had"};
  auto written = write_all(*log_, encode_batch(batches_++, calls), log_path_);
  if (written && ::fdatasync(log_->number()) != 0) written = cannot("sync", log_path_);
  if (written) written = check_owner();
  if (!written) log_.reset();
  return written;
}

void StateFolder::remove_before(Generation generation) const {
  const FoundFiles there = files();
  std::error_code ignored;
  for (const auto& each : there.checkpoints)
    if (each < generation) fs::remove(file(checkpoint_name(each)), ignored);
  for (const auto& each : there.logs)
    if (each < generation) fs::remove(file(log_name(each)), ignored);
}

}  // namespace troupe
