// What each task of a run of chaos is: it says in the trace that it starts, takes its time, and ends as its script
// says.
//
//   chaos_attempt TRACE MILLISECONDS FAILING exit|signal [NUMBER…]
//
// Of its attempts the first FAILING fail, by an exit code or by a signal. Its result is its own attempt, that one's
// number, and one more than the sum of the numbers. A line of the trace is written by one call, so lines of many
// processes never mix:
// `S|E|F|T GRAPH TASK EPOCH.NUMBER PID MONOTONIC_NS [TOKEN]`, for start, end, failure, and an end because it was told
// to end (TERM); a start says the token of what it holds.
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

  void say(char what, const std::string& more = {}) const {
    const std::string line = what + (' ' + who_) + ' ' + std::to_string(now_ns()) + more + '\n';
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(90);
  }

 private:
  const int descriptor_;
  const std::string who_;
};

sigset_t only_term() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  return signals;
}

/// False: it is told to end, which it hears of here alone.
bool pass(long long milliseconds) {
  const sigset_t term = only_term();
  const long long end = now_ns() + milliseconds * 1'000'000;
  for (long long left = end - now_ns(); left > 0; left = end - now_ns()) {
    const timespec wait{left / 1'000'000'000, left % 1'000'000'000};
    if (::sigtimedwait(&term, nullptr, &wait) == SIGTERM) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 91;
  const sigset_t term = only_term();
  ::sigprocmask(SIG_BLOCK, &term, nullptr);
  const std::string result_file = variable("TROUPE_RESULT");
  const std::string attempt = attempt_of(result_file);
  const Trace trace(argv[1], variable("TROUPE_GRAPH") + ' ' + variable("TROUPE_TASK") + ' ' + attempt + ' ' +
                                 std::to_string(::getpid()));
  const std::string token = variable("TROUPE_TOKEN");
  trace.say('S', token == "-" ? "" : ' ' + token);
  if (!pass(std::atol(argv[2]))) {
    trace.say('T');
    return 143;
  }
  const long number = std::stol(variable("TROUPE_ATTEMPT"));
  if (number <= std::atol(argv[3])) {
    trace.say('F');
    if (argv[4] == std::string("signal")) ::raise(SIGKILL);
    return 3;
  }
  long sum = 1;
  for (int i = 5; i < argc; ++i) sum += std::atol(argv[i]);
  std::FILE* result = std::fopen(result_file.c_str(), "w");
  if (result == nullptr) return 92;
  std::fprintf(result, "{\"attempt\": \"%s\", \"number\": %ld, \"sum\": %ld}\n", attempt.c_str(), number, sum);
  if (std::fclose(result) != 0) return 93;
  trace.say('E');
  return 0;
}
