// The nodes, and which attempt holds what on each. A grant is held until its node says that the attempt is over, or the
// node is gone: what is booked here is never less than what is used there.
//
// Invariants: each holding's grant is booked in its node's ledger, and a lasting one (an actor's) in `lasting` too. A
// node that is not alive holds nothing.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "scheduler/core/event.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

struct AttemptKey {
  TaskId task;
  AttemptId attempt;
  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};

struct Holding {
  enum class Kind : std::uint8_t {
    running,   // the current attempt of its task
    stopping,  // was told to stop; holds its grant until its node says that it has
    orphan,    // of a driver that has not come back yet after a restart of the scheduler
  };
  Kind kind = Kind::running;
  Grant grant;
  bool lasting = false;      ///< Does not end by itself: an actor.
  std::uint8_t unheard = 0;  ///< Heartbeats since the order, or the stop, that show that it has not arrived.
  std::string address;
  Time until{};  ///< Of an orphan: how long it is kept.
};

struct Node {
  NodeId id;
  std::uint64_t incarnation = 0;
  std::string name;
  NodeLedger ledger{NodeCapacity{}};
  NodeLedger lasting{NodeCapacity{}};  ///< As if all that ends by itself had ended.
  Time heard{};                        ///< Its last sign of life; of a dead node: when it died.
  bool alive = false;
  std::map<AttemptKey, Holding> holdings;
  std::set<AttemptKey> over;  ///< Acknowledged, and perhaps still listed by what the node said before it knew.
};

class Cluster {
 public:
  /// nullptr when it never joined, or left.
  Node* find(NodeId id);
  /// nullptr when it is not there or not under this incarnation.
  Node* find_alive(NodeId id, std::uint64_t incarnation);

  /// Starts empty books for this incarnation of the node; what an earlier one held is gone.
  Node& join(const NodeJoined& joined, Time now);
  /// The node is dead; all it held is gone. It stays known, for it may come back.
  void lose(Node& node, Time now);
  void erase(NodeId id);

  /// Takes what `needs` asks for. Requires: it fits.
  Holding& take(Node& node, AttemptKey key, const Resources& needs, bool lasting);
  /// Books what the node says that it runs. A grant that does not fit (the node lost capacity) is not booked.
  Holding& recognise(Node& node, const RunningAttempt& running, Holding::Kind kind, bool lasting);
  void set_kind(Node& node, AttemptKey key, Holding::Kind kind);
  void release(Node& node, AttemptKey key);

  struct OrphanKey {
    TaskId task;
    AttemptId attempt;
    NodeId node;
    friend auto operator<=>(const OrphanKey&, const OrphanKey&) = default;
  };
  const std::set<OrphanKey>& orphans() const { return orphans_; }
  std::vector<OrphanKey> orphans_of(TaskId task) const;

  /// Those that take work, in order of id.
  std::span<const NodeSpace> spaces() const { return spaces_; }
  /// The same with only what lasts on them.
  std::span<const NodeSpace> lasting_spaces() const { return lasting_spaces_; }
  /// Every node that is here or may come back, empty of work: for what could ever fit.
  std::vector<NodeSpace> all_spaces() const;

  std::map<NodeId, Node>& nodes() { return nodes_; }
  const std::map<NodeId, Node>& nodes() const { return nodes_; }

 private:
  void drop_holdings(Node& node);
  void list_spaces();

  std::map<NodeId, Node> nodes_;
  std::set<OrphanKey> orphans_;
  std::vector<NodeSpace> spaces_;
  std::vector<NodeSpace> lasting_spaces_;
};

}  // namespace troupe::scheduler
