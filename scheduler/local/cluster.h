// A driver's cluster: one of one machine that lives as long as the driver, without set-up and with nothing left behind;
// or one that stands (`troupe start`).
//
//   int main(int argc, char** argv) {
//     troupe::play_role(argc, argv, enroll);
//     auto cluster = troupe::Cluster::local();
//     auto session = cluster.connect();
//     std::cout << session.get(session.submit(add, 1, 2)) << '\n';
//   }
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/api/session.h"
#include "runtime/base/resources.h"
#include "runtime/base/result.h"
#include "scheduler/local/roles.h"

#pragma GCC visibility push(default)  // What the shared library exports.
namespace troupe {

struct LocalOptions {
  Milli cpus = 0;                 ///< 0: those this process may use.
  std::int64_t memory_bytes = 0;  ///< 0: the machine's.
  std::int64_t object_bytes = 0;  ///< Of memory for objects, before they go to disk; 0: 30 % of it.
  std::vector<GpuDevice> gpus{};  ///< As they are said to be: nothing is looked for.
  NamedAmounts named{};           ///< In any order.
  Labels labels{};                ///< In any order; `node` is the node's own: its name, `local`.
  /// Where the store stays when the cluster has ended; empty: it goes with the cluster.
  std::string store_directory{};
  std::string record{};  ///< A file for the scheduler's event log; empty: none.
  /// What tasks and actors print is shown on this program's stderr, each line with who printed it; TROUPE_SHOW_OUTPUT=0
  /// in the environment: it is not.
  bool show_output = true;
  /// What is printed again and again is shown once, with how often; TROUPE_FOLD_OUTPUT=0: each time.
  bool fold_output = true;
};

/// What `local` and `connect` throw when there is no cluster: one sentence with what to do.
class ClusterError : public std::runtime_error {
 public:
  explicit ClusterError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

/// A local one ends with this object, and whatever way the program ends; one that stands goes on.
class Cluster {
 public:
  /// Starts redis-server, scheduler and agent on this machine. Requires: main began with play_role.
  ///
  /// Throws: ClusterError.
  static Cluster local(const LocalOptions& options = {});
  /// Fails with: bad_input (main does not begin so, or what the options say makes no sense), unavailable, timed_out.
  static Result<Cluster> try_local(const LocalOptions& options);

  /// A cluster that `troupe start` started on this machine. `address`: its cluster file (`troupe start` prints where it
  /// is); empty: as `troupe` itself chooses, TROUPE_ADDRESS, then the one that runs here. Its workers are started from
  /// this program. Requires: main began with play_role.
  ///
  /// Throws: ClusterError.
  static Cluster connect(const std::string& address);
  /// Fails with: bad_input, not_found, unavailable (nothing runs there).
  static Result<Cluster> try_connect(const std::string& address);

  Cluster(Cluster&&) noexcept;
  Cluster& operator=(Cluster&&) noexcept;
  /// Of a local one: waits until everything of it is gone; tasks that are commands have a grace of 5 s. Sessions should
  /// have ended.
  ~Cluster();

  /// Throws: ClusterError.
  Session connect();
  Result<Session> try_connect();

  /// Of its sockets. `troupe … --cluster DIRECTORY/cluster.json` looks at it.
  const std::string& directory() const;
  std::string store_socket() const;  ///< Where its redis-server listens.
  ClusterId id() const;

 private:
  struct State;
  explicit Cluster(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What a local cluster has. Where the options say nothing: the cpus this process may use, the machine's memory.
NodeCapacity local_capacity(const LocalOptions& options);

}  // namespace troupe
#pragma GCC visibility pop
