// Schedules of the simulator, which a person keeps and edits: what is wrong has its line, and what was read says the
// same when it is written again.
// Covers: scheduler/simulation/scenario_text.cpp
#include "runtime/base/check.h"
#include "scheduler/simulation/scenario_text.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {

using namespace scheduler;

void run(std::string_view bytes) {
  const auto scenario = sim::scenario_from(bytes);
  if (!scenario) {
    const std::string& flaw = scenario.error().message;
    TROUPE_CHECK(flaw.starts_with("line ") || flaw.starts_with("no line "), "what is wrong has its place");
    return;
  }
  const std::string text = to_text(*scenario);
  const auto again = sim::scenario_from(text);
  TROUPE_CHECK(again && to_text(*again) == text, "what was read is written and read again");
}

std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (std::uint64_t seed = 1; seed <= 2; ++seed)
    texts.push_back(to_text(sim::draw_scenario(seed, {.planted = Planted::nil_exec_retried})));
  texts.push_back("# of two tasks\nnode cpus=1000\ndriver\nbatch\ntask number=1 cpus=x\n");
  texts.push_back("node cpus=1000 gpus=2 zone=a\ntask number=1\n");
  texts.push_back("driver\ntask number=1 when=r0_>_1 retry_on_exit=1,2\n");
  texts.push_back("driver\nwhat\n");
  return texts;
}

}  // namespace troupe::fuzz
