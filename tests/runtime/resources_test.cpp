#include "runtime/base/resources.h"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

NodeLedger two_gpus() {
  return NodeLedger({.cpus = 4000, .memory_bytes = 1 << 30, .gpus = {{0, "a", 100}, {1, "b", 100}}});
}

}  // namespace

TEST_CASE("two halves share a gpu, two of 0.6 need two", "[resources]") {
  NodeLedger halves = two_gpus();
  const auto first = halves.take({.cpus = 0, .gpus = 500});
  const auto second = halves.take({.cpus = 0, .gpus = 500});
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->gpus[0].index == second->gpus[0].index);

  NodeLedger larger = two_gpus();
  const auto third = larger.take({.cpus = 0, .gpus = 600});
  const auto fourth = larger.take({.cpus = 0, .gpus = 600});
  REQUIRE(third);
  REQUIRE(fourth);
  CHECK(third->gpus[0].index != fourth->gpus[0].index);
  CHECK_FALSE(larger.take({.cpus = 0, .gpus = 600}));
}

TEST_CASE("a refused need takes nothing, and what is given back can be taken again", "[resources]") {
  NodeLedger ledger = two_gpus();
  const auto all = ledger.take({.cpus = 4000, .gpus = 2000});
  REQUIRE(all);
  CHECK_FALSE(ledger.take({.cpus = 1}));
  CHECK_FALSE(ledger.take({.cpus = 0, .gpus = 1}));
  ledger.give_back(*all);
  CHECK(ledger.is_idle());
  CHECK(ledger.take({.cpus = 4000, .gpus = 2000}));
}

TEST_CASE("gpu memory is counted on each device", "[resources]") {
  NodeLedger ledger = two_gpus();
  CHECK(ledger.take({.cpus = 0, .gpus = 100, .gpu_memory_bytes = 60}));
  CHECK(ledger.take({.cpus = 0, .gpus = 100, .gpu_memory_bytes = 60}));
  CHECK_FALSE(ledger.take({.cpus = 0, .gpus = 100, .gpu_memory_bytes = 60}));
}

TEST_CASE("labels and named resources must be there", "[resources]") {
  NodeLedger ledger({.cpus = 1000, .named = {{"disk", 2000}}, .labels = {{"zone", "a"}}});
  CHECK(ledger.emptied().fits({.named = {{"disk", 2000}}, .labels = {{"zone", "a"}}}));
  CHECK_FALSE(ledger.emptied().fits({.named = {{"disk", 2001}}}));
  CHECK_FALSE(ledger.emptied().fits({.labels = {{"zone", "b"}}}));
  CHECK_FALSE(ledger.emptied().fits({.named = {{"tape", 1}}}));
}

TEST_CASE("one and a half gpus is not a need", "[resources]") {
  CHECK(flaw_of({.gpus = 1500}).find("1.5") != std::string::npos);
  CHECK(flaw_of({.gpus = 2000}).empty());
  CHECK(describe(Resources{.cpus = 1500, .gpus = 250}) == "1.5 cpus, 0.25 gpus");
}

TEST_CASE("a named resource is named once, and in its order", "[resources]") {
  CHECK(flaw_of(Resources{.named = {{"a", 1}, {"b", 1}}}).empty());
  CHECK(flaw_of(Resources{.named = {{"a", 1000}, {"a", 1000}}}) == "need 'a' is there twice");
  CHECK(flaw_of(Resources{.named = {{"b", 1}, {"a", 1}}}) == "need 'a' is not where it stands in the order of names");
  CHECK(flaw_of(Grant{.named = {{"a", 1}, {"a", 1}}}) == "a grant of 'a' is there twice");
  CHECK(flaw_of(NodeCapacity{.named = {{"a", 1}, {"a", 1}}}) == "'a' is there twice");
}

TEST_CASE("a grant made elsewhere is booked as it is, on the device it names", "[resources]") {
  NodeLedger ledger = two_gpus();
  const Grant grant{.cpus = 1000, .gpus = {{1, 1000, 0}}};
  CHECK(ledger.take_exactly(grant));
  CHECK_FALSE(ledger.take_exactly(grant));
  CHECK_FALSE(ledger.fits({.gpus = 2000}));
  CHECK(ledger.emptied().fits({.gpus = 2000}));
  CHECK(ledger.take({.gpus = 1000})->gpus[0].index == 0);
  ledger.give_back(grant);
  CHECK(ledger.fits({.gpus = 1000}));
}
