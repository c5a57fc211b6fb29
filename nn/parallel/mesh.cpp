#include "nn/parallel/mesh.h"

namespace troupe::nn {

namespace {

constexpr std::size_t most_ranks = 4096;
// So large that nobody has them, so small that no sum of them overflows.
constexpr std::size_t most_parameters = std::size_t{1} << 40;
constexpr std::size_t most_border_elements = std::size_t{1} << 32;

class Fnv {
 public:
  void add(std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) {
      hash_ = (hash_ ^ ((value >> (8 * byte)) & 0xff)) * 0x100000001b3u;
    }
  }
  void add(const std::vector<std::size_t>& values) {
    add(values.size());
    for (const std::size_t value : values) add(value);
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

std::string count_of(std::size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

struct Expected {
  std::size_t entries;
  std::size_t most;
};

Result<void> check_list(const char* what, const std::vector<std::size_t>& found, Expected expected) {
  if (found.size() != expected.entries) {
    return bad_input(std::string("mesh: ") + what + ": found " + std::to_string(found.size()) + " entries, expected " +
                     std::to_string(expected.entries));
  }
  for (const std::size_t elements : found) {
    if (elements <= expected.most) continue;
    return bad_input(std::string("mesh: ") + what + ": found " + std::to_string(elements) +
                     " elements, expected at most " + std::to_string(expected.most));
  }
  return {};
}

}  // namespace

Result<void> check(const Mesh& mesh) {
  if (mesh.replicas < 1 || mesh.stages < 1 || mesh.replicas > most_ranks || mesh.stages > most_ranks ||
      mesh.world() > most_ranks) {
    return bad_input("mesh: found " + describe(mesh) + ", expected 1 to " + std::to_string(most_ranks) + " ranks");
  }
  if (mesh.slots < 1 || mesh.slots > most_slots) {
    return bad_input("mesh: found " + count_of(mesh.slots, "slot") + ", expected 1 to " + std::to_string(most_slots));
  }
  if (auto enough = check_ranks(mesh.slots, mesh.replicas); !enough) return enough;
  if (auto good = check_list("parameters of stages", mesh.parameters, {mesh.stages, most_parameters}); !good) {
    return good;
  }
  return check_list("borders between stages", mesh.border_elements, {mesh.stages - 1, most_border_elements});
}

std::string describe(const Mesh& mesh) {
  return count_of(mesh.replicas, "replica") + " x " + count_of(mesh.stages, "stage") + ", " +
         count_of(mesh.slots, "slot");
}

std::uint64_t digest(const Mesh& mesh) {
  Fnv hash;
  hash.add(mesh.replicas);
  hash.add(mesh.stages);
  hash.add(mesh.slots);
  hash.add(mesh.parameters);
  hash.add(mesh.border_elements);
  return hash.value();
}

std::string describe_rank(const Mesh& mesh, std::size_t rank) {
  std::string text = "rank " + std::to_string(rank);
  if (mesh.replicas > 1 && mesh.stages > 1) {
    text +=
        " (replica " + std::to_string(mesh.replica_of(rank)) + ", stage " + std::to_string(mesh.stage_of(rank)) + ")";
  } else if (mesh.stages > 1) {
    text += " (stage " + std::to_string(rank) + ")";
  }
  return text;
}

}  // namespace troupe::nn
