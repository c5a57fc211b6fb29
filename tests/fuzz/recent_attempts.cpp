// The file of what ended last on a node: as it is when it begins with any bytes, or has any length. No more is read
// than it has room for, and an agent that goes on there notes what comes.
// Covers: runtime/agent/recent_attempts.cpp
#include "runtime/agent/recent_attempts.h"

#include <filesystem>

#include "runtime/base/check.h"
#include "runtime/worker/task_log.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr NodeId node{7};
constexpr std::size_t head_bytes = 128;
constexpr std::size_t whole_bytes = head_bytes + RecentAttempts::most * 128;

agent::SendReport ended(std::uint32_t number) {
  return {.report = {.task = {JobId{3}, number}, .attempt = {1, 2}, .end = AttemptEnd::failed},
          .name = "train",
          .began = agent::Time(1),
          .ended = agent::Time(5)};
}

std::string path() { return folder_in_memory().file(recent_attempts_file); }

std::vector<RecentAttempt> read() {
  const auto attempts = RecentAttempts::read(folder_in_memory().path());
  TROUPE_CHECK(attempts.size() <= RecentAttempts::most, "no more than there is room for");
  for (const RecentAttempt& each : attempts)
    TROUPE_CHECK(each.name.size() <= RecentAttempts::most_name_bytes && each.end <= AttemptEnd::preempted,
                 "each is an attempt");
  return attempts;
}

}  // namespace

void run(std::string_view bytes) {
  Tape tape(bytes);
  const bool is_of_any_length = tape.byte() % 4 == 0;
  const std::string_view written = tape.take(whole_bytes);
  std::filesystem::remove(path());
  write_file(path(), written);
  if (is_of_any_length) {
    TROUPE_CHECK(written.size() == whole_bytes || read().empty(), "a file of another length is none");
  } else {
    std::filesystem::resize_file(path(), whole_bytes);
    read();
  }
  RecentAttempts recent(folder_in_memory().path(), node);
  const auto before = read();
  recent.note(ended(17));
  recent.note({.report = {.task = {JobId{3}, 18}}});  // It had not begun.
  const auto after = read();
  TROUPE_CHECK(after.size() + 1 >= before.size() && after.size() <= before.size() + 1,
               "one is noted, over one at most");
}

std::vector<std::string> seeds() {
  std::filesystem::remove(path());
  {
    RecentAttempts recent(folder_in_memory().path(), node);
    for (std::uint32_t number = 1; number <= 3; ++number) recent.note(ended(number));
  }
  std::ifstream file(path(), std::ios::binary);
  std::string begins(head_bytes + 4 * 128, '\0');
  file.read(begins.data(), static_cast<std::streamsize>(begins.size()));
  return {'\1' + begins, std::string(1, '\0') + begins};
}

}  // namespace troupe::fuzz
