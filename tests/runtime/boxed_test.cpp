#include "runtime/base/boxed.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using troupe::Boxed;

TEST_CASE("a box costs a pointer, and holds nothing at first", "[base]") {
  static_assert(sizeof(Boxed<std::vector<std::string>>) == sizeof(void*));
  const Boxed<int> box;
  CHECK_FALSE(box.has_value());
  CHECK(box.get() == nullptr);
}

TEST_CASE("a copy of a box is another value", "[base]") {
  Boxed<std::string> box = std::string("one");
  Boxed<std::string> copy = box;
  CHECK(copy == box);
  *copy = "two";
  CHECK(*box == "one");
  CHECK_FALSE(copy == box);
  box = copy;
  CHECK(*box == "two");
  box = *&box;
  CHECK(*box == "two");
  const Boxed<std::string> moved = std::move(box);
  CHECK(*moved == "two");
}

TEST_CASE("boxes are equal when what they hold is, or both hold nothing", "[base]") {
  CHECK(Boxed<int>() == Boxed<int>());
  CHECK(Boxed<int>(3) == Boxed<int>(3));
  CHECK_FALSE(Boxed<int>(3) == Boxed<int>(4));
  CHECK_FALSE(Boxed<int>(3) == Boxed<int>());
  Boxed<int> box = 3;
  box.reset();
  CHECK(box == Boxed<int>());
  box.emplace(5);
  CHECK(box == Boxed<int>(5));
}
