#include "scheduler/service/commit_gate.h"

#include <catch2/catch.hpp>

#include "scheduler/core/describe.h"

using namespace troupe::scheduler;

namespace {

AnswerRequest answer(std::uint64_t request) { return {{1}, request, {}}; }
SaveJob job(std::uint64_t id) { return {{.id = {id}, .durable = true}}; }

std::string sent(CommitGate& gate) {
  std::string text;
  for (const auto& effect : gate.take_sends()) text += std::to_string(std::get<AnswerRequest>(effect).request) + ' ';
  return text;
}

}  // namespace

TEST_CASE("where nothing durable waits, nothing waits", "[gate]") {
  CommitGate gate;
  gate.take({answer(1)});
  CHECK(sent(gate) == "1 ");
  CHECK(!gate.next_batch().has_value());
  CHECK(gate.is_idle());
}

TEST_CASE("what a turn sends goes out after what it, and every turn before it, wrote", "[gate]") {
  CommitGate gate;
  gate.take({job(1), answer(1)});
  gate.take({answer(2)});
  CHECK(sent(gate) == "");
  CHECK(gate.next_batch()->size() == 1);
  gate.take({answer(3)});
  CHECK(sent(gate) == "");
  gate.committed();
  CHECK(sent(gate) == "1 2 3 ");
  CHECK(gate.is_idle());
}

TEST_CASE("what gathers while a batch is in flight goes together, and what follows from it waits for it", "[gate]") {
  CommitGate gate;
  gate.take({job(1), answer(1)});
  CHECK(gate.next_batch().has_value());
  gate.take({job(2), answer(2)});
  gate.take({job(3), answer(3)});
  CHECK(!gate.next_batch().has_value());
  gate.committed();
  CHECK(sent(gate) == "1 ");
  CHECK(gate.next_batch()->size() == 2);
  gate.take({answer(4)});
  CHECK(sent(gate) == "");
  gate.committed();
  CHECK(sent(gate) == "2 3 4 ");
}

TEST_CASE("after a commit nothing overtakes what waited for it", "[gate]") {
  CommitGate gate;
  gate.take({job(1)});
  CHECK(gate.next_batch().has_value());
  gate.take({answer(1)});
  gate.committed();
  gate.take({answer(2)});
  CHECK(sent(gate) == "1 2 ");
}

TEST_CASE("a batch that is empty holds nothing up, and what is written meanwhile is waited for", "[gate]") {
  CommitGate gate;
  CHECK(gate.next_batch(true)->empty());
  gate.take({answer(1)});
  CHECK(sent(gate) == "1 ");
  gate.take({job(1), answer(2)});
  gate.take({answer(3)});
  gate.committed();
  CHECK(sent(gate) == "");
  CHECK(gate.next_batch()->size() == 1);
  gate.committed();
  CHECK(sent(gate) == "2 3 ");
}
