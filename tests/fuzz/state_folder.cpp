// The folder of an actor whose state survives a restart, as somebody left it: checkpoints and logs of several attempts,
// whole, cut or of any bytes, and an owner. Who takes it over reads it or says what is damaged, and what it writes then
// is what the next attempt reads.
// Covers: runtime/worker/state_folder.cpp
#include "runtime/worker/state_folder.h"

#include <filesystem>

#include "runtime/base/check.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr AttemptId attempt{9, 1};

std::string path() { return folder_in_memory().file("actors/one"); }

const std::vector<LoggedCall> some{{7, 1, "add", {"\x05"}, "", 1}, {7, 2, "add", {"\x06"}, "", 2}};

std::string content(Tape& tape) {
  std::string bytes;
  switch (tape.byte() % 4) {
    case 0: bytes = encode_checkpoint({"state", {}}); break;
    case 1: bytes = encode_batch(0, some); break;
    case 2: bytes = encode_batch(0, some) + encode_batch(1, {some[0]}); break;
    case 3: return std::string(tape.take(tape.byte()));
  }
  bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), tape.byte()));
  return bytes;
}

void leave_file(Tape& tape) {
  const Generation generation{{tape.byte() % 3u, tape.byte() % 3u}, tape.byte() % 3u};
  std::string name;
  switch (tape.byte() % 4) {
    case 0: name = checkpoint_name(generation); break;
    case 1: name = log_name(generation); break;
    case 2: name = checkpoint_name(generation) + ".new-1.1"; break;
    case 3: return write_file(path() + "/owner", tape.take(tape.byte()));
  }
  write_file(path() + '/' + name, content(tape));
}

/// One that a later attempt takes over from it.
void go_on(StateFolder folder, bool with_log) {
  const Checkpoint checkpoint{"later", {}};
  TROUPE_CHECK(folder.begin(checkpoint, with_log), "a file in memory can be written");
  TROUPE_CHECK(folder.append(some).has_value() == with_log, "calls are appended where there is a log");
  auto next = StateFolder::take_over(path(), {attempt.epoch, attempt.number + 1});
  TROUPE_CHECK(next, "a later attempt takes over");
  const auto refused = folder.begin(checkpoint, false);
  TROUPE_CHECK(!refused && refused.error().fault == Fault::refused, "an earlier one hears of it");
  const auto found = next->read();
  TROUPE_CHECK(found && found->checkpoint && *found->checkpoint == checkpoint, "what it wrote is read");
  TROUPE_CHECK(found->calls == (with_log ? some : std::vector<LoggedCall>{}), "with the calls after it");
}

}  // namespace

void run(std::string_view bytes) {
  std::filesystem::remove_all(path());
  std::filesystem::create_directories(path());
  Tape tape(bytes);
  const std::uint8_t how = tape.byte();
  for (int files = 0; files < 8 && !tape.is_over(); ++files) leave_file(tape);
  auto folder = StateFolder::take_over(path(), attempt);
  if (!folder) {
    TROUPE_CHECK(folder.error().fault == Fault::refused, "only a later owner keeps it");
    return;
  }
  const auto found = folder->read();
  if (!found) TROUPE_CHECK(found.error().message.find(path()) != std::string::npos, "what is damaged has its place");
  if (how % 3 < 2) return go_on(std::move(*folder), how % 3 == 1);
  TROUPE_CHECK(folder->begin_log(found ? found->calls : some), "a file in memory can be written");
  TROUPE_CHECK(folder->append(some), "and goes on");
}

std::vector<std::string> seeds() {
  const std::string checkpoint("\1\1\1\0\0\0", 6);
  const std::string log("\1\1\1\1\2\0", 6);
  const std::string cut("\1\1\2\1\1\3", 6);
  const std::string damaged("\1\1\2\0\3\2xy", 8);
  const std::string unfinished("\1\1\2\2\3\0", 6);
  return {'\0' + checkpoint + log + cut + unfinished,
          '\1' + checkpoint + log + damaged + cut,
          '\2' + log,
          '\1' + damaged,
          '\2' + std::string("\0\0\0\3\4"
                             "99 9",
                             9),
          '\2' +
              std::string("\0\0\0\3\3"
                          "1 1",
                          8) +
              log + cut};
}

}  // namespace troupe::fuzz
