#include "nn/parallel/gang_waiter.h"

#include <sched.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace troupe::nn {

namespace {

/// How often a sleeper looks after its peers and the gang.
constexpr std::chrono::milliseconds look_around{10};

std::string describe(WaitPhase phase) { return std::string(phase.what) + " " + std::to_string(phase.number); }

}  // namespace

GangWaiter::GangWaiter(const Mesh& mesh, const GangSegment& segment, Options options)
    : mesh_(mesh), segment_(segment), options_(std::move(options)), watches_(mesh.world()) {}

Result<void> GangWaiter::wait(const SharedFlag& flag, std::uint32_t value, std::size_t peer, WaitPhase phase,
                              Start& start) {
  if (flag.reached(value)) return {};
  if (!start) start = Clock::now();
  // Spinning on the peer's own core only keeps it from running.
  if (!shares_cpu_with(peer) && spin(flag, value, options_.spin)) return {};
  return sleep_until(const_cast<SharedFlag&>(flag), value, peer, phase, *start);
}

Result<void> GangWaiter::sleep_until(SharedFlag& flag, std::uint32_t value, std::size_t peer, WaitPhase phase,
                                     Clock::time_point start) {
  RankState& self = segment_.rank(options_.rank);
  self.waits_flag.store(segment_.place_of(flag), std::memory_order_relaxed);
  self.waits_value.store(value, std::memory_order_relaxed);
  self.waits_for.store(static_cast<std::uint32_t>(peer) + 1, std::memory_order_release);
  FlagSleeper sleeper(flag);

  const auto end = start + options_.deadline;
  auto next_look = Clock::now() + look_around;
  const auto outcome = [&]() -> Result<void> {
    while (true) {
      const std::uint32_t seen = flag.value.load();
      if (flag.reached(value)) return {};
      if (const auto cause = stopped()) return *cause;
      const auto now = Clock::now();
      if (now >= next_look) {
        const std::optional<Loss> loss = look_after_peers(peer, phase);
        // What a rank did before it went still counts.
        if (flag.reached(value)) return {};
        if (loss) return stop(loss->rank, loss->error);
        next_look = now + look_around;
      }
      if (now >= end) return time_out(peer, phase);
      sleeper.sleep(seen, std::min<std::chrono::nanoseconds>(end - now, look_around));
    }
  }();
  self.waits_for.store(0, std::memory_order_release);
  return outcome;
}

std::optional<GangWaiter::Loss> GangWaiter::look_after_peers(std::size_t peer, WaitPhase phase) {
  for (std::size_t other = 0; other < mesh_.world(); ++other) {
    if (other == options_.rank) continue;
    const SharedFlag& presence = segment_.rank(other).presence;
    const bool left = presence.reached(RankState::left);
    if (!presence.reached(RankState::here) || (left && other != peer)) continue;
    if (!left && is_alive(other)) continue;
    // A rank that leaves in order says so before its process ends: look again.
    const bool went = presence.reached(RankState::left);
    if (went && other != peer) continue;
    std::string what = name(other) + (went ? " left" : " died");
    if (!went) what += " (process " + std::to_string(segment_.rank(other).process) + ")";
    what += ": found by " + name(options_.rank) + " in " + describe(phase);
    return Loss{other, {Fault::peer_lost, what}};
  }
  return std::nullopt;
}

bool GangWaiter::shares_cpu_with(std::size_t peer) const {
  const auto cpu = static_cast<std::uint32_t>(::sched_getcpu() + 1);
  segment_.rank(options_.rank).cpu.store(cpu, std::memory_order_relaxed);
  return segment_.rank(peer).cpu.load(std::memory_order_relaxed) == cpu;
}

bool GangWaiter::is_alive(std::size_t rank) {
  if (options_.alive) return options_.alive(rank);
  auto& watch = watches_[rank];
  if (!watch) watch = std::make_unique<ProcessWatch>(static_cast<pid_t>(segment_.rank(rank).process));
  return watch->alive();
}

// A rank that itself waits for something that has not come is not the one to blame.
std::size_t GangWaiter::who_keeps_waiting(std::size_t peer) const {
  for (std::size_t step = 0; step < mesh_.world(); ++step) {
    const RankState& state = segment_.rank(peer);
    const std::uint32_t next = state.waits_for.load(std::memory_order_acquire);
    if (next == 0 || next > mesh_.world() || next - 1 == options_.rank) break;
    const SharedFlag* flag = segment_.flag_at(state.waits_flag.load(std::memory_order_relaxed));
    if (!flag || flag->reached(state.waits_value.load(std::memory_order_relaxed))) break;
    peer = next - 1;
  }
  return peer;
}

Error GangWaiter::time_out(std::size_t peer, WaitPhase phase) {
  const std::size_t culprit = who_keeps_waiting(peer);
  std::string what = name(culprit) + " is missing: " + name(options_.rank) + " waited " +
                     std::to_string(options_.deadline.count()) + " ms in " + describe(phase);
  if (culprit != peer) what += " for " + name(peer) + ", which waits for it";
  return stop(culprit, {Fault::timed_out, what});
}

Error GangWaiter::stop(std::size_t culprit, const Error& cause) {
  if (!segment_.header().stop(culprit, cause)) return *stopped();
  segment_.wake_all();
  return cause;
}

std::optional<Error> GangWaiter::stopped() const {
  const GangHeader& header = segment_.header();
  std::uint32_t state = header.failure.load();
  if (state == GangHeader::none) return std::nullopt;
  // Writing takes less than a microsecond, unless the writer died in it.
  for (const auto end = Clock::now() + look_around; state == GangHeader::being_written && Clock::now() < end;) {
    std::this_thread::yield();
    state = header.failure.load();
  }
  if (state != GangHeader::there || header.fault > static_cast<std::uint32_t>(Fault::corrupt)) {
    return Error{Fault::peer_lost, "a rank died while it stopped the gang, before it could say why"};
  }
  const auto end = std::find(header.message.begin(), header.message.end(), '\0');
  return Error{static_cast<Fault>(header.fault), std::string(header.message.begin(), end)};
}

std::optional<std::size_t> GangWaiter::failed_rank() const {
  const GangHeader& header = segment_.header();
  if (header.failure.load() != GangHeader::there) return std::nullopt;
  return header.failed_rank;
}

}  // namespace troupe::nn
