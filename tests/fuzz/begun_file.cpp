// What a worker notes, by what is done and by any bytes, and what its agent makes of it: of sound notes all, of others
// no more than they can hold, and a name under which a log may lie.
// Covers: runtime/worker/begun_file.cpp
#include "runtime/worker/begun_file.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "runtime/base/check.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr std::size_t most_running = 506;

const std::string& file() {
  static const std::string path = folder_in_memory().file("w.begun");
  return path;
}
std::string address() { return "ipc://" + folder_in_memory().file("w"); }

std::size_t whole_bytes() {
  static const std::size_t bytes = [] {
    const BegunFile made(address());
    return std::filesystem::file_size(file());
  }();
  return bytes;
}

Begun take() {
  const Begun begun = BegunFile::take(address());
  TROUPE_CHECK(!std::filesystem::exists(file()), "the file goes");
  TROUPE_CHECK(begun.blamed.size() <= most_running, "no more are blamed than there is room for");
  const std::string name = log_name(begun.running);
  TROUPE_CHECK(name.size() <= 255 && name.find('/') == name.npos, "its log has a file's name");
  const auto owner = log_owner_from(name);
  TROUPE_CHECK(owner && owner->task == begun.running.task && owner->attempt == begun.running.attempt,
               "the log's name says whose it is");
  return begun;
}

void run_noted(Tape tape) {
  BegunFile noted(address());
  std::uint64_t orders = 0;
  LogOwner owner;
  std::vector<std::uint64_t> running;
  std::vector<std::unique_ptr<BegunFile::Running>> held;
  while (!tape.is_over()) {
    switch (tape.byte() % 4) {
      case 0: orders = noted.count_one(); break;
      case 1: {
        const std::uint32_t number = tape.byte();
        owner = {{JobId{tape.pair()}, number}, {tape.byte(), number}, std::string(tape.take(tape.byte()))};
        noted.note_running(owner);
        break;
      }
      case 2:
        running.push_back(1 + tape.pair());
        held.push_back(std::make_unique<BegunFile::Running>(noted, running.back()));
        if (running.size() > most_running) running.pop_back();
        break;
      case 3:
        if (held.empty() || held.size() > most_running) break;
        held.pop_back();
        running.pop_back();
        break;
    }
  }
  Begun begun = take();
  held.clear();
  std::sort(running.begin(), running.end());
  std::sort(begun.blamed.begin(), begun.blamed.end());
  TROUPE_CHECK(begun.orders == orders && begun.blamed == running, "what was noted is read");
  TROUPE_CHECK(begun.running.task == owner.task && begun.running.attempt == owner.attempt, "so is whose output it is");
  const std::string name = owner.name.substr(0, longest_name_in_log);
  TROUPE_CHECK(begun.running.name == name.substr(0, name.find('\0')), "and its name");
}

}  // namespace

void run(std::string_view bytes) {
  Tape tape(bytes);
  const std::uint8_t kind = tape.byte();
  if (kind % 3 == 0) return run_noted(tape);
  std::string page(tape.rest());
  if (kind % 3 == 1) page.resize(whole_bytes());
  write_file(file(), page);
  const Begun begun = take();
  if (page.size() < whole_bytes()) TROUPE_CHECK(begun.orders == 0 && begun.blamed.empty(), "a part of it is nothing");
}

std::vector<std::string> seeds() {
  const std::string numbers("\5\0\0\0\0\0\0\0", 8);
  std::string page;
  for (int i = 0; i < 20; ++i) page += numbers;
  std::string many(1, '\0');
  for (std::size_t i = 0; i <= most_running; ++i) many += {'\2', static_cast<char>(i), static_cast<char>(i / 256)};
  return {std::string("\0\0\0\1\2\3\4\5\6train\2\1\0\2\2\0\3\0", 21), many, std::string(1, '\1') + page,
          std::string(1, '\1') + numbers + std::string(8, '\0') + page, std::string(1, '\2') + page};
}

}  // namespace troupe::fuzz
