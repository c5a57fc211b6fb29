// A fuzz target: what is done with any bytes, which must neither crash nor hang, and bytes to begin with. A target
// checks with TROUPE_CHECK what must hold of what it decoded.
//
// One source, two programs: under libFuzzer (`tools/dev fuzz NAME`), and replayed with seeds, kept inputs and damaged
// copies of both among the tests (replay.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::fuzz {

void run(std::string_view bytes);
std::vector<std::string> seeds();

}  // namespace troupe::fuzz
