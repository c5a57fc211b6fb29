// What work needs, what a node has, and who holds what: integers only, so sums never drift.
//
// GPUs are accounted device by device, never as one number: two tasks of 0.5 share a device, two of 0.6 need two, and a
// need of more than one is a number of whole devices.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/prefetch.h"
#include "runtime/base/rare_vector.h"

namespace troupe {

enum class Planted : std::uint8_t;  // planted.h

/// A thousand are one cpu, one gpu, or one unit of a named resource.
using Milli = std::int64_t;

using NamedAmounts = RareVector<std::pair<std::string, Milli>>;  ///< Sorted by name, each name once.
using Labels = RareVector<std::pair<std::string, std::string>>;  ///< Sorted by name, each name once.

/// The label whose value is the node's name: what needs it runs on that node alone.
inline constexpr const char* node_label = "node";

/// What one task or actor needs while it runs.
struct Resources {
  Milli cpus = 1000;
  Milli gpus = 0;  ///< At most 1000, or a multiple of 1000.
  std::int64_t memory_bytes = 0;
  std::int64_t gpu_memory_bytes = 0;  ///< On each device.
  NamedAmounts named{};               // Braces: without them -Wextra warns a program that names other members only.
  Labels labels{};                    ///< The node must carry all of them; each carries `node_label`.

  friend bool operator==(const Resources&, const Resources&) = default;
};

struct GpuDevice {
  std::uint32_t index = 0;
  std::string uuid;
  std::int64_t memory_bytes = 0;
  friend bool operator==(const GpuDevice&, const GpuDevice&) = default;
};

/// What a node has when nothing runs on it.
struct NodeCapacity {
  Milli cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<GpuDevice> gpus;
  NamedAmounts named;
  Labels labels;
  friend bool operator==(const NodeCapacity&, const NodeCapacity&) = default;
};

struct GpuShare {
  std::uint32_t index = 0;
  Milli amount = 0;
  std::int64_t memory_bytes = 0;
  friend bool operator==(const GpuShare&, const GpuShare&) = default;
};

/// What was taken from one node for one attempt.
struct Grant {
  Milli cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<GpuShare> gpus;
  NamedAmounts named;
  friend bool operator==(const Grant&, const Grant&) = default;
};

/// The books of one node. Invariant: 0 <= used <= capacity for each resource and each device.
class NodeLedger {
 public:
  explicit NodeLedger(NodeCapacity capacity, Planted planted = {});

  /// The books of the same node with nothing taken: what never fits there never fits.
  NodeLedger emptied() const;

  /// Takes what `needs` asks for, on the devices with the least room that fit; nullopt takes nothing.
  std::optional<Grant> take(const Resources& needs);

  /// What take() would give now.
  std::optional<Grant> grant_for(const Resources& needs) const;
  bool fits(const Resources& needs) const;

  /// Books a grant that was made elsewhere (by an earlier scheduler, or by the one this node follows); false takes
  /// nothing.
  bool take_exactly(const Grant& grant);
  bool fits_exactly(const Grant& grant) const;

  /// Requires: `grant` came from this ledger and was not given back.
  void give_back(const Grant& grant);

  const NodeCapacity& capacity() const { return *capacity_; }
  Milli free_cpus() const { return free_cpus_; }
  std::int64_t free_memory_bytes() const { return free_memory_bytes_; }
  Milli free_gpus() const { return free_gpus_; }
  bool is_idle() const;
  /// `1 of 2 cpus, 0.5 of 1 gpus`: how much is free of each thing that is needed.
  std::string describe_free(const Resources& needs) const;
  void prefetch_devices() const { prefetch(devices_.data(), devices_.size() * sizeof(Device)); }

 private:
  NodeLedger(std::shared_ptr<const NodeCapacity> capacity, Planted planted);
  bool fits_besides_gpus(const Resources& needs) const;
  struct Device {
    std::uint32_t index = 0;
    Planted planted = {};
    Milli free = 0;
    std::int64_t free_memory_bytes = 0;

    bool has_room(Milli amount, std::int64_t memory_bytes) const;
    bool has_room(const Resources& needs) const;
  };
  template <class Devices>
  static auto find_device(Devices& devices, std::uint32_t index);
  bool fits_devices(const Resources& needs) const;
  std::vector<GpuShare> pick_devices(const Resources& needs) const;
  void book(const Grant& grant);

  std::shared_ptr<const NodeCapacity> capacity_;  // never changes; gangs are tried on copies of the books
  Milli free_cpus_ = 0;
  Milli free_gpus_ = 0;
  std::int64_t free_memory_bytes_ = 0;
  std::vector<Device> devices_;    // as capacity_->gpus
  std::vector<Milli> free_named_;  // as capacity_->named
  Planted planted_{};
};

/// What is wrong with `needs` in itself, as one sentence; empty when it is well formed.
std::string flaw_of(const Resources& needs);
/// As an agent tells it: empty, or what makes no sense in itself.
std::string flaw_of(const NodeCapacity& capacity);
std::string flaw_of(const Grant& grant);

/// `2 cpus, 0.5 gpus, 1024 MiB`.
std::string describe(const Resources& needs);
std::string describe(const NodeCapacity& capacity);

}  // namespace troupe
