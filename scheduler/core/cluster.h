// The nodes, and which attempt holds what on each. A grant is held until its node says that the attempt is over, or the
// node is gone: what is booked here is never less than what is used there.
//
// A node may be kept for a waiting request. Then `spare` are its books as if all that ends by itself had ended and the
// request had been seated: what fits there, too, may be given to others without delaying it.
//
// What waits for other work lends its cpus: its grant is without them meanwhile.
//
// Invariants: each holding's grant is booked in its node's ledger, and a lasting one (an actor's) in `lasting` too. A
// node that is not alive holds nothing and is kept for nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/planted.h"
#include "scheduler/core/event.h"
#include "scheduler/core/holdings.h"
#include "scheduler/core/nodes_by_id.h"
#include "scheduler/core/room_index.h"

namespace troupe::scheduler {

struct Node {
  NodeId id;
  std::uint64_t incarnation = 0;
  std::string name;
  NodeLedger ledger{NodeCapacity{}};
  NodeLedger lasting{NodeCapacity{}};  ///< As if all that ends by itself had ended.
  Time heard{};                        ///< Its last sign of life; of a dead node: when it died.
  bool alive = false;
  bool drains = false;  ///< Takes no new work.
  Holdings holdings;
  std::vector<AttemptKey> over;       ///< Acknowledged, and perhaps still listed by what the node said before it knew.
  std::uint64_t kept_for = 0;         ///< The order of the request; 0: nobody.
  std::uint64_t kept_as = 0;          ///< Each time that it is kept has another number.
  std::unique_ptr<NodeLedger> spare;  ///< When it is kept.
  std::deque<AttemptKey> owed;        ///< Of what holds something: what has gone on without the cpus that it lent.
  std::deque<AttemptKey> ahead;       ///< Given before there was room, the first first; some may be over.
  std::size_t awaiting = 0;           ///< Attempts that wait for others here, and are not in `ahead` yet.
  std::deque<Slot> behind;            ///< Tasks that may be given as such; of some this is not true any more.
  RoomIndex::Place* place = nullptr;  ///< In the index; nullptr while it takes no work.
  bool is_stale = false;              ///< Its place in the index is of before its books changed.

  bool takes_work() const { return alive && !drains; }
  NodeSpace space() const { return {id, &ledger, spare.get()}; }
};

class Cluster {
 public:
  explicit Cluster(Planted planted = Planted::none) : planted_(planted) {}

  /// nullptr when it never joined, or left.
  Node* find(NodeId id) const { return by_id_.find(id); }

  /// Starts empty books for this incarnation of the node; what an earlier one held is gone.
  Node& join(const NodeJoined& joined, Time now);
  /// The node is dead; all it held is gone. It stays known, for it may come back.
  void lose(Node& node, Time now);
  void erase(NodeId id);

  void set_drains(Node& node, bool drains);

  /// Takes what `needs` asks for. Requires: it has room.
  Holding& take(Node& node, AttemptKey key, const Resources& needs, bool lasting);
  /// Gives it an attempt for which there may be no room yet, and which may wait for others there. Requires: needs no
  /// gpus, and the empty node fits it.
  Holding& give_ahead(Node& node, AttemptKey key, const Resources& needs, bool awaits);
  /// What the attempt waits for has ended: it is booked in its turn.
  void stop_awaiting(Node& node, AttemptKey key, Holding& holding);
  /// Books those that were given ahead, in order, as long as they fit; these are returned.
  std::vector<AttemptKey> book_ahead(Node& node);
  /// Books what the node says that it runs. What does not fit waits there for room, or (the node lost capacity) is not
  /// booked.
  Holding& recognise(Node& node, const RunningAttempt& running, Holding::Kind kind, bool lasting);
  void set_kind(Node& node, AttemptKey key, Holding::Kind kind);
  /// What it holds does not end by itself, as it turns out. Requires: the node is kept for nobody.
  void make_lasting(Node& node, AttemptKey key);
  void release(Node& node, AttemptKey key);
  /// What it holds waits for other work: its cpus are free, and, unless the node is kept for somebody, whatever else it
  /// has does not come free by itself. Requires: it is booked, and no actor.
  void lend_cpus(Node& node, AttemptKey key);
  /// It goes on: they are booked again, now or as soon as they are free.
  void take_lent_cpus(Node& node, AttemptKey key);

  struct OrphanKey {
    TaskId task;
    AttemptId attempt;
    NodeId node;
    friend auto operator<=>(const OrphanKey&, const OrphanKey&) = default;
  };
  const std::set<OrphanKey>& orphans() const { return orphans_; }
  std::vector<OrphanKey> orphans_of(TaskId task) const;

  /// Keeps the node for the request until let_go(). Requires: `needs` fit beside what lasts; it is kept for nobody.
  void keep(Node& node, std::uint64_t request, const std::vector<const Resources*>& needs);
  void let_go(Node& node);

  /// Nodes at which something waits that was given before there was room, or may do so.
  const std::set<NodeId>& have_ahead() const { return have_ahead_; }
  std::size_t alive_nodes() const { return alive_; }

  /// Those that take work.
  const Rooms& rooms();
  /// Every node that is here or may come back, with nothing running: for what could ever fit.
  const RoomIndex& empty_rooms();
  /// Changes with empty_rooms().
  std::uint64_t version() const { return version_; }
  /// Up to `most` nodes that take work and are kept for nobody, those with most room first, by what lasts on them.
  std::vector<NodeSpace> lasting_spaces(std::size_t most);

  /// Changes when something that lasts is booked.
  std::uint64_t lasting_version() const { return lasting_version_; }
  /// Changes when a node may have more room besides what lasts, or is no longer kept.
  std::uint64_t lasting_gains() const { return lasting_gains_; }

  /// Nodes that may have room which they had not, since the last call.
  std::vector<Node*> take_gained();
  bool has_gained() const { return !gained_.empty(); }

  Milli total_cpus() const { return total_.cpus; }
  Milli total_gpus() const { return total_.gpus; }
  std::int64_t total_memory_bytes() const { return total_.memory_bytes; }
  Milli free_cpus() const { return free_.cpus; }
  Milli free_gpus() const { return free_.gpus; }

  std::map<NodeId, Node>& nodes() { return nodes_; }
  const std::map<NodeId, Node>& nodes() const { return nodes_; }

 private:
  struct Sum {
    Milli cpus = 0;
    Milli gpus = 0;
    std::int64_t memory_bytes = 0;
  };
  void clear(Node& node);
  void wait_ahead(Node& node, AttemptKey key);
  void lasts_while_it_waits(Node& node, Holding& holding);
  void take_what_is_owed(Node& node);
  void enter(Node& node);
  void leave(Node& node);
  void books_changed(Node& node, bool gained);
  void refresh();

  Planted planted_;
  std::map<NodeId, Node> nodes_;
  NodesById by_id_;
  std::set<OrphanKey> orphans_;
  std::set<NodeId> have_ahead_;
  std::size_t alive_ = 0;
  RoomIndex index_;
  std::vector<Node*> stale_;
  std::vector<Node*> gained_;
  Sum total_;  // of nodes that take work
  Sum free_;
  std::uint64_t version_ = 1;
  std::uint64_t lasting_version_ = 0;
  std::uint64_t lasting_gains_ = 0;
  std::size_t kept_ = 0;
  std::uint64_t keeps_ = 0;
  std::uint64_t empty_version_ = 0;
  std::deque<NodeLedger> empty_ledgers_;
  RoomIndex empty_rooms_;
};

}  // namespace troupe::scheduler
