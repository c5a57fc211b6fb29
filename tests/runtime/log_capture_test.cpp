#include "runtime/agent/log_capture.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>

#include "runtime/agent/process.h"
#include "runtime/worker/task_log.h"
#include "tests/support/folder.h"

using namespace troupe;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Process start(LogCapture& logs, const std::string& file, std::vector<std::string> argv) {
  const auto output = logs.open(file);
  REQUIRE(output);
  auto process = start_process({.argv = std::move(argv), .output = *output});
  ::close(*output);
  REQUIRE(process);
  return *process;
}

void end(LogCapture& logs, const std::string& file, Process process) {
  reap(process);  // Waits.
  logs.close(file);
}

void run(LogCapture& logs, const std::string& file, std::vector<std::string> argv) {
  end(logs, file, start(logs, file, std::move(argv)));
}

}  // namespace

TEST_CASE("all that a command printed is in its log once it has ended", "[log_capture]") {
  const test::Folder folder;
  LogCapture logs;
  for (int i = 0; i < 20; ++i) {
    const std::string file = folder.file("log-" + std::to_string(i));
    run(logs, file, {"sh", "-c", "echo one; echo two >&2; printf three"});
    REQUIRE(text_of(file) == "one\ntwo\nthree");
  }
}

TEST_CASE("a log that has grown beyond its cap begins anew, at a line, and the one before it is kept",
          "[log_capture]") {
  const test::Folder folder;
  LogCapture logs;
  const std::string file = folder.file("log");
  const std::string rest(180, '.');
  run(logs, file, {"seq", "-f", "%.0f" + rest, "900000"});  // 168 MB.
  const std::string kept = text_of(older_log(file)) + text_of(file);
  CHECK(fs::file_size(older_log(file)) <= most_log_bytes + (1u << 16));
  CHECK(fs::file_size(file) <= most_log_bytes);
  std::uint64_t number = std::stoull(kept);  // Where it begins; from there on nothing is missing.
  std::string expected;
  expected.reserve(kept.size());
  while (number <= 900'000) expected += std::to_string(number++) + rest + '\n';
  CHECK((kept == expected));
}

TEST_CASE("who holds a log holds up who writes it, and nothing is thrown away", "[log_capture]") {
  const test::Folder folder;
  LogCapture logs;
  const std::string file = folder.file("log");
  { std::ofstream(older_log(file)) << "not read yet\n"; }
  const int reader = ::open(older_log(file).c_str(), O_RDONLY | O_CLOEXEC);
  hold_log(reader);
  const Process command = start(logs, file, {"seq", "10000000"});  // 79 MB.
  const auto is_full = [&] {
    std::error_code error;
    return fs::file_size(file, error) + (1u << 17) > most_log_bytes && !error;
  };
  while (!is_full()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // Its own thread fills it.
  CHECK(text_of(older_log(file)) == "not read yet\n");
  ::close(reader);
  end(logs, file, command);
  CHECK((text_of(older_log(file)) + text_of(file)).ends_with("\n10000000\n"));
  CHECK(text_of(older_log(file)).starts_with("1\n2\n"));
}

TEST_CASE("the end of a command is not waited for at those whom it left behind with its output", "[log_capture]") {
  const test::Folder folder;
  LogCapture logs;
  const std::string file = folder.file("log");
  const std::string script = "setsid sh -c 'while echo on; do sleep 0.01; done' & echo $! >" + folder.file("pid");
  run(logs, file, {"sh", "-c", script});
  std::string pid = text_of(folder.file("pid"));
  pid.pop_back();  // The end of its line.
  // It ends by itself: its next line is refused.
  const std::string other = folder.file("other");
  run(logs, other, {"sh", "-c", "while kill -0 " + pid + " 2>/dev/null; do sleep 0.01; done; echo gone"});
  CHECK(text_of(other) == "gone\n");
}

TEST_CASE("of many logs those that were written last are kept, and those of workers", "[log_capture]") {
  const test::Folder folder;
  const auto now = fs::file_time_type::clock::now();
  const auto make = [&](const std::string& name, int age_s) {
    const std::string file = folder.file(name);
    std::ofstream(file) << "x";
    fs::last_write_time(file, now - std::chrono::seconds(age_s));
  };
  for (int i = 0; i < 2'010; ++i) make("log-" + std::to_string(i), i);
  make("worker-1", 1'000'000);
  prune_logs(folder.path());
  CHECK(fs::exists(folder.file("log-0")));
  CHECK(fs::exists(folder.file("log-1999")));
  CHECK_FALSE(fs::exists(folder.file("log-2000")));
  CHECK(fs::exists(folder.file("worker-1")));
}
