// What each task of a run of chaos is: it says in the trace that it starts, takes its time, and ends as its script
// says.
//
//   chaos_attempt TRACE MILLISECONDS FAILING exit|signal [NUMBER…]
//
// Of its attempts the first FAILING fail, by an exit code or by a signal. Its result is its own attempt, and one more
// than the sum of the numbers. A line of the trace is written by one call, so lines of many processes never mix:
// `S|E|F GRAPH TASK EPOCH.NUMBER PID MONOTONIC_NS`, for start, end and failure.
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

long long now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "-" : value;
}

/// `2.1` of a path that ends in `result-2.1`.
std::string attempt_of(const std::string& result_file) { return result_file.substr(result_file.rfind('-') + 1); }

class Trace {
 public:
  Trace(const char* file, std::string who)
      : descriptor_(::open(file, O_WRONLY | O_APPEND | O_CLOEXEC)), who_(std::move(who)) {}

  void say(char what) const {
    const std::string line = what + (' ' + who_) + ' ' + std::to_string(now_ns()) + '\n';
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(90);
  }

 private:
  const int descriptor_;
  const std::string who_;
};

void pass(long milliseconds) {
  timespec left{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 91;
  const std::string result_file = variable("TROUPE_RESULT");
  const std::string attempt = attempt_of(result_file);
  const Trace trace(argv[1], variable("TROUPE_GRAPH") + ' ' + variable("TROUPE_TASK") + ' ' + attempt + ' ' +
                                 std::to_string(::getpid()));
  trace.say('S');
  pass(std::atol(argv[2]));
  if (std::stol(variable("TROUPE_ATTEMPT")) <= std::atol(argv[3])) {
    trace.say('F');
    if (argv[4] == std::string("signal")) ::raise(SIGKILL);
    return 3;
  }
  long sum = 1;
  for (int i = 5; i < argc; ++i) sum += std::atol(argv[i]);
  std::FILE* result = std::fopen(result_file.c_str(), "w");
  if (result == nullptr) return 92;
  std::fprintf(result, "{\"attempt\": \"%s\", \"sum\": %ld}\n", attempt.c_str(), sum);
  if (std::fclose(result) != 0) return 93;
  trace.say('E');
  return 0;
}
