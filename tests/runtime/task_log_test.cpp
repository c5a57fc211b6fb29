#include "runtime/worker/task_log.h"

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("a log's name says whose it is", "[task_log]") {
  const LogOwner owner{{JobId{0xab}, 7}, {2, 3}, "train-step 1.0"};
  CHECK(log_name(owner) == "00000000000000ab.7-train-step 1.0-2.3");
  const auto read = log_owner_from(log_name(owner));
  REQUIRE(read);
  CHECK(read->task == owner.task);
  CHECK(read->attempt == owner.attempt);
  CHECK(read->name == owner.name);
}

TEST_CASE("any name makes a name of a file", "[task_log]") {
  CHECK(log_name({{JobId{1}, 1}, {1, 1}, "a/b\nc"}) == "0000000000000001.1-a_b_c-1.1");
  CHECK(log_owner_from(log_name({{JobId{1}, 1}, {1, 1}, ""}))->name.empty());
  constexpr std::size_t longest_of_a_file = 255;
  const LogOwner longest{
      {JobId{~std::uint64_t{0}}, ~std::uint32_t{0}}, {~std::uint32_t{0}, ~std::uint32_t{0}}, std::string(1000, 'x')};
  CHECK(older_log(log_name(longest)).size() <= longest_of_a_file);
  CHECK(log_owner_from(log_name(longest))->attempt == longest.attempt);
}

TEST_CASE("older logs, those of workers and other files are nobody's", "[task_log]") {
  const std::string log = log_name({{JobId{1}, 1}, {1, 1}, "t"});
  for (const std::string& file : {older_log(log), std::string("worker-00000000000000ab"), std::string("objects-1"),
                                  std::string("log"), std::string("00.1-1.1"), std::string("-t-1.1"), std::string()})
    CHECK_FALSE(log_owner_from(file));
}
