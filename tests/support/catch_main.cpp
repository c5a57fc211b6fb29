#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "tests/support/test_roles.h"

int main(int argc, char** argv) {
  if (play_test_role != nullptr) play_test_role(argc, argv);
  return Catch::Session().run(argc, argv);
}
