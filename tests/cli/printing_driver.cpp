// A driver whose tasks and actors print, on the cluster of the file that it is given, or the one that runs. It goes on
// at each line of stdin.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "scheduler/local/cluster.h"

using namespace troupe;

namespace {

class Speaker {
 public:
  explicit Speaker(const std::string& name) : name_(name) { std::cout << name_ << " is here\n"; }
  int say(const std::string& text) {
    std::printf("%s says %s\n", name_.c_str(), text.c_str());
    return 0;
  }

 private:
  std::string name_;
};

constexpr Task<int(int)> prints{"printing.prints"};
constexpr Task<int(int)> is_silent{"printing.is_silent"};
constexpr Task<int()> dies{"printing.dies"};
constexpr ActorType<Speaker(std::string)> speaker{"printing.Speaker"};
constexpr Method<&Speaker::say> say{"say"};

void enroll(Catalog& catalog) {
  catalog.add(prints, [](int number) {
    std::cout << "to stdout " << number << '\n';
    std::fprintf(stderr, "to stderr %d\n", number);
    std::printf("without an end");
    return number;
  });
  catalog.add(is_silent, [](int number) { return number; });
  catalog.add(dies, []() -> int {
    std::puts("the last words");
    std::abort();
  });
  catalog.add(speaker, say);
}

void wait_for_line() {
  std::string line;
  std::getline(std::cin, line);
}

}  // namespace

int main(int argc, char** argv) {
  play_role(argc, argv, enroll);
  auto cluster = Cluster::connect(argc > 1 ? argv[1] : "");
  auto session = cluster.connect();
  for (int i = 1; i <= 3; ++i) {
    session.get(session.submit({.name = "loud"}, prints, i));
    session.get(session.submit(is_silent, i));
  }
  const auto failed = session.try_get(session.submit({.name = "crash"}, dies));
  std::cout << (failed ? "" : failed.error().message) << std::endl;
  auto actor = session.spawn({.name = "talker"}, speaker, std::string("ann"));
  session.get(actor.call(say, std::string("one")));
  std::cout << "actor " << to_text(actor.id()) << std::endl;
  wait_for_line();
  session.get(actor.call(say, std::string("two")));
  wait_for_line();
}
