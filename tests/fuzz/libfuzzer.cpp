// The target's door for libFuzzer. Its seeds are written where TROUPE_FUZZ_SEEDS says before the corpus is read.
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("TROUPE_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : troupe::fuzz::seeds())
    std::ofstream(folder + ("/seed-" + std::to_string(++number)), std::ios::binary) << seed;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  troupe::fuzz::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
