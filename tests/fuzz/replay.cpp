// Runs a target on its seeds, on the inputs that were kept (corpus/NAME/), and on damaged copies of both, the same each
// time.
//
//   fuzz_NAME [FOLDER | FILE]...
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fuzz/target.h"
#include "tests/support/dice.h"

namespace {

constexpr std::size_t most_copies = 3'000;  // Of each input,
constexpr std::size_t all_copies = 20'000;  // and of all of them.

std::string text_in(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Some bytes are changed, doubled, dropped, or another input's end is put behind.
std::string damaged(std::string bytes, const std::string& other, troupe::test::Dice& dice) {
  for (auto change = 1 + dice.below(4); change > 0 && !bytes.empty(); --change) {
    const auto at = dice.below(bytes.size());
    const auto count = 1 + dice.below(8);
    switch (dice.below(6)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << dice.below(8))); break;
      case 1: bytes[at] = static_cast<char>(dice.below(256)); break;
      case 2: bytes.insert(at, bytes.substr(at, count)); break;
      case 3: bytes.erase(at, count); break;
      case 4: bytes.resize(at); break;
      case 5: bytes = bytes.substr(0, at) + other.substr(std::min(at, other.size())); break;
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> inputs = troupe::fuzz::seeds();
  const std::size_t seeds = inputs.size();
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::path given = argv[i];
    if (!std::filesystem::exists(given)) continue;  // Nothing was kept.
    if (!std::filesystem::is_directory(given)) {
      inputs.push_back(text_in(given));
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(given)) inputs.push_back(text_in(entry.path()));
  }
  for (const std::string& input : inputs) troupe::fuzz::run(input);
  troupe::test::Dice dice(1);
  const std::size_t copies = std::min(most_copies, all_copies / std::max<std::size_t>(1, inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    for (std::size_t copy = 0; copy < copies; ++copy)
      troupe::fuzz::run(damaged(inputs[i], inputs[(i + 1) % inputs.size()], dice));
  std::printf("%zu seeds, %zu kept inputs, %zu damaged copies of each\n", seeds, inputs.size() - seeds, copies);
  return inputs.empty() ? 1 : 0;
}
