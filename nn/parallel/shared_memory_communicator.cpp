#include "nn/parallel/shared_memory_communicator.h"

#include <sched.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "nn/parallel/border_lines.h"
#include "nn/parallel/gang_segment.h"
#include "nn/parallel/gang_waiter.h"
#include "nn/parallel/shared_segment.h"
#include "nn/parallel/tree_reduce.h"

namespace troupe::nn {

namespace {

using Clock = GangWaiter::Clock;

std::chrono::nanoseconds default_spin(const Mesh& mesh) {
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return {};
  const bool core_for_each = static_cast<std::size_t>(CPU_COUNT(&cpus)) >= mesh.world();
  return core_for_each ? std::chrono::microseconds(40) : std::chrono::microseconds(0);
}

class SharedMemoryCommunicator final : public Communicator {
 public:
  SharedMemoryCommunicator(SharedMemoryOptions options, std::optional<SharedSegment> own)
      : options_(std::move(options)),
        mesh_(options_.mesh),
        own_(std::move(own)),
        segment_(mesh_, options_.segment ? options_.segment->bytes() : own_->bytes()),
        waiter_(mesh_, segment_,
                {.rank = options_.rank,
                 .deadline = options_.deadline,
                 .spin = options_.spin ? *options_.spin : default_spin(mesh_),
                 .alive = options_.alive}),
        rank_(options_.rank),
        reduce_(mesh_, segment_, waiter_, rank_),
        borders_(mesh_, segment_, waiter_, rank_) {}

  ~SharedMemoryCommunicator() override {
    if (joined_) segment_.rank(rank_).presence.raise(RankState::left);
    if (own_) own_->unlink();
  }

  /// Writes or checks the header, says that this rank is there and waits for the others.
  Result<void> join(Clock::time_point began);

  std::size_t rank() const override { return rank_; }
  std::size_t world() const override { return mesh_.world(); }
  std::size_t replica() const override { return mesh_.replica_of(rank_); }
  std::size_t stage() const override { return mesh_.stage_of(rank_); }
  SlotRange slots() const override { return mesh_.slots_of(replica()); }
  std::span<float> piece_storage() override { return segment_.storage(rank_); }

  Result<Reduction> all_reduce_tree(const Contribution& contribution) override { return reduce_.run(contribution); }
  Result<void> barrier() override;
  Result<std::span<float>> outgoing(Flow flow, std::size_t slot, std::size_t elements) override {
    return borders_.outgoing(flow, slot, elements);
  }
  void send(Flow flow, std::size_t slot) override { borders_.send(flow, slot); }
  Result<std::span<const float>> receive(Flow flow, std::size_t slot, std::size_t elements) override {
    return borders_.receive(flow, slot, elements);
  }
  void release(Flow flow, std::size_t slot) override { borders_.release(flow, slot); }
  void abort(const Error& cause) override {
    waiter_.stop(rank_, {cause.fault, describe_rank(mesh_, rank_) + " stopped: " + cause.message});
  }
  std::optional<std::size_t> failed_rank() const override { return waiter_.failed_rank(); }

 private:
  void write_header();

  SharedMemoryOptions options_;
  Mesh mesh_;
  std::optional<SharedSegment> own_;
  GangSegment segment_;
  GangWaiter waiter_;
  std::size_t rank_;
  bool joined_ = false;
  std::uint32_t barriers_ = 0;
  TreeReduce reduce_;
  BorderLines borders_;
};

void SharedMemoryCommunicator::write_header() {
  GangHeader& header = segment_.header();
  header.magic = GangHeader::expected_magic;
  header.version = GangHeader::expected_version;
  header.replicas = static_cast<std::uint32_t>(mesh_.replicas);
  header.stages = static_cast<std::uint32_t>(mesh_.stages);
  header.slots = static_cast<std::uint32_t>(mesh_.slots);
  header.digest = digest(mesh_);
  header.bytes = segment_bytes(mesh_);
  header.ready.raise(1);
}

Result<void> SharedMemoryCommunicator::join(Clock::time_point began) {
  if (options_.create) write_header();
  RankState& self = segment_.rank(rank_);
  if (self.presence.reached(RankState::here)) {
    return Error{Fault::refused, describe_rank(mesh_, rank_) + " has joined the gang already, expected each rank once"};
  }
  self.process = static_cast<std::uint32_t>(::getpid());
  self.presence.raise(RankState::here);
  joined_ = true;

  GangWaiter::Start start = began;
  for (std::size_t other = 0; other < world(); ++other) {
    const SharedFlag& presence = segment_.rank(other).presence;
    auto came = waiter_.wait(presence, RankState::here, other, {"the start with rank", other}, start);
    if (!came) return came;
  }
  // Everybody has mapped it: from here on nothing stays behind, however the ranks end.
  if (own_) own_->unlink();
  return {};
}

Result<void> SharedMemoryCommunicator::barrier() {
  if (const auto cause = waiter_.stopped()) return *cause;
  segment_.rank(rank_).barriers.raise(++barriers_);
  GangWaiter::Start start;
  for (std::size_t other = 0; other < world(); ++other) {
    const SharedFlag& flag = segment_.rank(other).barriers;
    if (auto there = waiter_.wait(flag, barriers_, other, {"barrier", barriers_}, start); !there) return there;
  }
  return {};
}

Error no_creator(const std::string& name, std::chrono::milliseconds deadline) {
  return {Fault::timed_out, (name.empty() ? "the segment" : "/dev/shm" + name) + " was not made within " +
                                std::to_string(deadline.count()) + " ms: the rank that creates it has not come"};
}

/// Waits for the creator's header and compares it with what this rank expects.
Result<void> check_header(const SharedMemoryOptions& options, std::span<std::byte> memory, Clock::time_point end) {
  if (memory.size() < sizeof(GangHeader)) {
    return Error{Fault::refused, "/dev/shm" + options.name + ": found " + std::to_string(memory.size()) +
                                     " bytes, expected a segment of Troupe: choose another name"};
  }
  GangHeader& header = *reinterpret_cast<GangHeader*>(memory.data());
  while (!header.ready.reached(1)) {
    if (Clock::now() >= end) return no_creator(options.name, options.join_deadline.value_or(options.deadline));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (header.magic != GangHeader::expected_magic || header.version != GangHeader::expected_version) {
    return Error{Fault::refused, "/dev/shm" + options.name + ": found version " + std::to_string(header.version) +
                                     ", expected a segment of version " + std::to_string(GangHeader::expected_version) +
                                     ": run the same build on every rank"};
  }
  if (header.digest == digest(options.mesh) && header.bytes == segment_bytes(options.mesh) &&
      header.bytes <= memory.size()) {
    return {};
  }
  const Mesh found{.replicas = header.replicas, .stages = header.stages, .slots = header.slots};
  const Error mismatch{Fault::refused, "the gang's segment was made for " + describe(found) + ", " +
                                           describe_rank(options.mesh, options.rank) + " expects " +
                                           describe(options.mesh) +
                                           (describe(found) == describe(options.mesh) ? " of other sizes" : "") +
                                           ": give every rank the same plan"};
  header.stop(options.rank, mismatch);
  return mismatch;
}

Result<std::optional<SharedSegment>> own_segment(const SharedMemoryOptions& options, Clock::time_point end) {
  const auto made = [](Result<SharedSegment> segment) -> Result<std::optional<SharedSegment>> {
    if (!segment) return segment.error();
    return std::optional<SharedSegment>(std::move(*segment));
  };
  if (options.segment) return std::optional<SharedSegment>();
  if (options.name.empty()) return made(SharedSegment::anonymous(segment_bytes(options.mesh)));
  if (options.create) return made(SharedSegment::create(options.name, segment_bytes(options.mesh)));
  while (true) {
    auto segment = SharedSegment::open(options.name);
    if (!segment || segment->has_value()) return segment;
    if (Clock::now() >= end) return no_creator(options.name, options.join_deadline.value_or(options.deadline));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Result<void> check_options(const SharedMemoryOptions& options) {
  if (auto good = check(options.mesh); !good) return good;
  if (options.rank >= options.mesh.world()) {
    return bad_input("rank " + std::to_string(options.rank) + ": expected one of " +
                     std::to_string(options.mesh.world()) + " ranks, counted from 0");
  }
  if (options.name.empty() && !options.segment && options.mesh.world() > 1) {
    return bad_input("a gang of " + std::to_string(options.mesh.world()) + " ranks needs a name for its segment");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Communicator>> join_shared_memory(SharedMemoryOptions options) {
  if (auto good = check_options(options); !good) return good.error();
  if (options.name.empty() && !options.segment) options.create = true;
  const auto start = Clock::now();
  const auto join_deadline = options.join_deadline.value_or(options.deadline);
  const auto end = start + join_deadline;
  const auto waits_from = end - options.deadline;  // So that the waits of the joining, too, last until `end`.

  auto own = own_segment(options, end);
  if (!own) return own.error();
  if (!options.create) {
    const std::span<std::byte> memory = options.segment ? options.segment->bytes() : (*own)->bytes();
    if (auto good = check_header(options, memory, end); !good) return good.error();
  }
  auto communicator = std::make_unique<SharedMemoryCommunicator>(std::move(options), std::move(*own));
  if (auto joined = communicator->join(waits_from); !joined) return joined.error();
  return std::unique_ptr<Communicator>(std::move(communicator));
}

std::size_t segment_bytes(const Mesh& mesh) { return GangSegment::bytes_for(mesh); }

}  // namespace troupe::nn
