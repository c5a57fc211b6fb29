// What of an actor is on disk: as bytes, and in its folder.
#include "runtime/worker/call_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "runtime/worker/state_folder.h"
#include "tests/support/folder.h"

using namespace troupe;
using test::Folder;

namespace {

LoggedCall call(std::uint64_t number) { return {7, number, "add", {"an argument", ""}, {}, 3}; }
const std::vector<LoggedCall> first{call(1), call(2)};
const std::vector<LoggedCall> second{call(3), {8, 1, "add", {}, "an argument cannot be had", 1}};

std::vector<LoggedCall> both() {
  std::vector<LoggedCall> calls = first;
  calls.insert(calls.end(), second.begin(), second.end());
  return calls;
}

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  return bytes;
}

std::string text_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// The last of them, by name.
std::string last_file(const std::string& folder, const std::string& kind) {
  std::string last;
  for (const auto& each : std::filesystem::directory_iterator(folder))
    if (each.path().filename().string().starts_with(kind)) last = std::max(last, each.path().string());
  return last;
}

Checkpoint checkpoint(const std::string& state) { return {state, {{7, 2, 2, {{true, "5"}, {false, "it threw"}}}}}; }

StateFolder taken(const std::string& path, AttemptId attempt) {
  auto folder = StateFolder::take_over(path, attempt);
  REQUIRE(folder);
  return std::move(*folder);
}

}  // namespace

TEST_CASE("a log that was cut gives all batches that are whole", "[call_log]") {
  const std::string one = encode_batch(0, first);
  const std::string log = one + encode_batch(1, second);
  CHECK(decode_log(log, LogEnd::whole).value() == both());
  for (std::size_t size = 0; size < log.size(); ++size) {
    const auto cut = decode_log(std::string_view(log).substr(0, size), LogEnd::may_be_cut);
    REQUIRE(cut);
    CHECK(*cut == (size < one.size() ? std::vector<LoggedCall>{} : first));
    if (size != 0 && size != one.size()) CHECK_FALSE(decode_log(std::string_view(log).substr(0, size), LogEnd::whole));
  }
  CHECK(decode_log(log + std::string(100, '\0'), LogEnd::may_be_cut).value() == both());
}

TEST_CASE("every flipped bit before a whole batch is damage, and told by its byte", "[call_log]") {
  const std::string one = encode_batch(0, first);
  const std::string log = one + encode_batch(1, second) + encode_batch(2, first);
  const std::size_t last = log.size() - one.size();
  for (std::size_t at = 0; at < log.size(); ++at) {
    const auto read = decode_log(flipped(log, at), LogEnd::may_be_cut);
    if (at >= last) {
      CHECK(read.value() == both());
    } else {
      REQUIRE_FALSE(read);
      CHECK(read.error().fault == Fault::corrupt);
      const std::size_t batch = at < one.size() ? 0 : one.size();
      CHECK_THAT(read.error().message, Catch::StartsWith("byte " + std::to_string(batch) + ": "));
    }
  }
}

TEST_CASE("a checkpoint with one bit flipped, or cut, is none", "[call_log]") {
  const std::string bytes = encode_checkpoint(checkpoint("state"));
  CHECK(decode_checkpoint(bytes).value() == checkpoint("state"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CHECK_FALSE(decode_checkpoint(flipped(bytes, at)));
    CHECK_FALSE(decode_checkpoint(std::string_view(bytes).substr(0, at)));
  }
}

TEST_CASE("files of a later attempt are later, whatever their number, and others are passed over", "[call_log]") {
  const std::vector<Generation> order{{{1, 1}, 0}, {{1, 1}, 255}, {{1, 2}, 0}, {{2, 0}, 0}};
  std::vector<std::string> names{"owner", "checkpoint-", "log-00000001.00000001.0000000g", "log-1.1.1"};
  for (auto each = order.rbegin(); each != order.rend(); ++each) names.push_back(log_name(*each));
  names.push_back(checkpoint_name(order[1]));
  const FoundFiles found = files_from(names);
  CHECK(found.logs == order);
  CHECK(found.checkpoints == std::vector{order[1]});
}

TEST_CASE("an actor's folder gives the last checkpoint that is whole, and the calls after it", "[call_log]") {
  const Folder folder;
  const std::string path = folder.file("actor");
  {
    StateFolder writes = taken(path, {1, 1});
    CHECK_FALSE(writes.read().value().checkpoint);
    for (const char* state : {"dropped", "one", "two"}) {
      REQUIRE(writes.begin(checkpoint(state), true));
      REQUIRE(writes.append(state == std::string("one") ? first : second));
    }
  }
  auto found = taken(path, {1, 2}).read();
  CHECK(found.value().checkpoint == checkpoint("two"));
  CHECK(found->calls == second);
  CHECK(found->damaged.empty());

  const std::string newest = last_file(path, "checkpoint-");
  write(newest, flipped(text_in(newest), 60));
  found = taken(path, {1, 3}).read();
  CHECK(found.value().checkpoint == checkpoint("one"));
  CHECK(found->calls == both());
  REQUIRE(found->damaged.size() == 1);
  CHECK_THAT(found->damaged[0], Catch::StartsWith(newest + ": byte 20: "));

  // The log before the last one ended whole: it cannot have been cut by a crash.
  const std::string log = path + '/' + log_name({{1, 1}, 1});
  const std::string whole = text_in(log);
  write(log, whole.substr(0, whole.size() - 1));
  const auto damaged = taken(path, {1, 4}).read();
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().fault == Fault::corrupt);
  CHECK_THAT(damaged.error().message, Catch::StartsWith(log + ": byte 0: "));
  write(log, whole);

  const std::string before = path + '/' + checkpoint_name({{1, 1}, 1});
  write(before, "");
  CHECK_THAT(taken(path, {1, 5}).read().error().message, Catch::StartsWith("no checkpoint is whole: " + newest));
}

TEST_CASE("a log without checkpoints is taken over whole, and nothing of an earlier attempt gets into it",
          "[call_log]") {
  const Folder folder;
  const std::string path = folder.file("actor");
  StateFolder earlier = taken(path, {1, 1});
  REQUIRE(earlier.begin_log({}));
  REQUIRE(earlier.append(first));
  StateFolder later = taken(path, {1, 2});
  CHECK(later.read().value().calls == first);
  REQUIRE(later.begin_log(first));
  const auto refused = earlier.append(second);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::refused);
  CHECK_THAT(refused.error().message, Catch::Contains("attempt 1 2 has taken over"));
  REQUIRE(later.append({second[0]}));
  std::vector<LoggedCall> all = first;
  all.push_back(second[0]);
  CHECK(taken(path, {1, 3}).read().value().calls == all);
}

TEST_CASE("an attempt that another one has taken over from writes no checkpoint and does not take over again",
          "[call_log]") {
  const Folder folder;
  const std::string path = folder.file("actor");
  StateFolder earlier = taken(path, {1, 1});
  REQUIRE(earlier.begin(checkpoint("one"), false));
  taken(path, {1, 2});
  const auto refused = earlier.begin(checkpoint("late"), false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::refused);
  CHECK(taken(path, {1, 3}).read().value().checkpoint == checkpoint("one"));
  const auto again = StateFolder::take_over(path, {1, 2});
  REQUIRE_FALSE(again);
  CHECK(again.error().fault == Fault::refused);
}
