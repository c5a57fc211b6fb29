// What the object store of a node decides: which objects are kept, which go to disk when room is short, which memory is
// used again. Requests of processes go in, answers come out; memory and files are a Shelf's.
//
// An object stays as long as a process holds it or looks at it; all of a process ends with its connection. What was put
// for somebody else waits for that one for a limited time. Processes tell each other of an object faster than its put
// arrives here: what is asked of an object that is on its way waits for it. Where room is short, spare segments are
// taken away first, then the objects that nobody looks at go to disk, the one least recently used first.
//
// Invariants: segments and reservations together are within the limit; the memory of an object that somebody looks at
// is neither taken away nor written again; an object that nobody holds, looks at or may take over is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/objects/object_messages.h"

namespace troupe::object_store {

using Time = std::chrono::milliseconds;
using ClientNumber = std::uint32_t;   ///< A connection; from 1, never used twice.
using SegmentNumber = std::uint64_t;  ///< Likewise.

/// Memory and disk.
class Shelf {
 public:
  virtual ~Shelf() = default;
  /// Its writer may use it again.
  virtual void offer(SegmentNumber segment) = 0;
  /// False: its writer has begun to use it again. Otherwise its memory is gone, and so is its number.
  virtual bool take_away_spare(SegmentNumber segment) = 0;
  virtual void remove(SegmentNumber segment) = 0;
  /// Writes the first `bytes` of the segment to disk.
  virtual Result<void> spill(ObjectId object, SegmentNumber segment, std::uint64_t bytes) = 0;
  /// Makes a segment of it again. Fails with: corrupt (not what was written lies there), unavailable.
  virtual Result<SegmentNumber> restore(ObjectId object, std::uint64_t capacity) = 0;
  virtual void remove_from_disk(ObjectId object) = 0;
};

struct Settings {
  std::uint64_t limit_bytes = 0;
  Time unclaimed_limit{60'000};  ///< How long what was put for somebody waits for that one.
  Time spare_limit{5'000};       ///< After which a spare segment's memory goes.
  std::size_t most_spares = 64;  ///< Of one writer.
  std::size_t most_objects = 1u << 20;
  std::size_t most_segments = 30'000;  ///< In memory: each is a mapping, of 65,530 of a process, and a descriptor.
  std::size_t most_early = 65'536;     ///< Requests of one process that wait for what is on its way.
};

/// To one process; `segment`, if any, is to be handed over with it, for reading.
struct Reply {
  ClientNumber to = 0;
  Answer answer;
  SegmentNumber segment = 0;
};

struct Usage {
  std::uint64_t objects = 0;
  std::uint64_t on_disk = 0;      ///< Objects that are there only.
  std::uint64_t used_bytes = 0;   ///< Of memory, with spares and reservations.
  std::uint64_t spare_bytes = 0;  ///< Of those.
};

class StoreCore {
 public:
  StoreCore(Settings settings, Shelf& shelf) : settings_(settings), shelf_(shelf) {}

  void client_came(ClientNumber client) { clients_[client]; }
  std::vector<Reply> client_gone(ClientNumber client);

  /// `segment`: what a put handed over; 0: nothing.
  ///
  /// Fails with: corrupt (what no process that keeps the rules asks): the connection is to be ended, and the segment is
  /// the caller's again.
  Result<std::vector<Reply>> take(Time now, ClientNumber client, const Request& request, SegmentNumber segment);

  std::vector<Reply> tick(Time now);
  /// When tick() will have something to do; max: never.
  Time next_deadline() const;

  Usage usage() const;

 private:
  struct Segment {
    std::uint64_t capacity = 0;
    ClientNumber writer = 0;  // 0: gone, or the store itself
    std::uint64_t writers_number = 0;
    std::optional<Time> spare_since;
  };
  struct Object {
    std::uint64_t bytes = 0;
    std::uint32_t value_at = 0;
    SegmentNumber segment = 0;  // 0: on disk only
    bool is_on_disk = false;
    std::uint32_t held = 0;
    std::uint32_t opened = 0;
    // How often it was left for somebody and not taken over; below 0: who takes it over was heard first.
    std::int32_t unclaimed = 0;
    std::optional<Time> unclaimed_until;
    std::uint64_t last_used = 0;
  };
  struct Client {
    std::uint64_t half = 0;  // Of the ids of what it puts; 0: it has put nothing yet.
    std::uint64_t last_put = 0;
    std::size_t early = 0;  // Its requests in early_.
    std::uint64_t reserved = 0;
    std::map<ObjectId, std::uint32_t> held;
    std::map<ObjectId, std::uint32_t> opened;
    std::map<std::uint64_t, SegmentNumber> written;  // by the writer's numbers
    std::size_t spares = 0;
  };
  using Objects = std::map<ObjectId, Object>;
  struct Early {
    ClientNumber from = 0;
    Request request;
  };

  Result<void> reserve(ClientNumber number, Client& client, const Request& request);
  Result<void> put(ClientNumber number, Client& client, const Request& request, SegmentNumber segment);
  bool is_on_its_way(ClientNumber asker, ObjectId id) const;
  void answer_early(ObjectId id);
  void forget_early(ClientNumber number);
  void ask_of_object(ClientNumber number, const Request& request);
  void open(ClientNumber number, Client& client, const Request& request);
  void list(ClientNumber number, const Request& request);
  void hold(Client& client, ObjectId id, bool takes_over);
  void leave(ObjectId id);
  void set_unclaimed(ObjectId id, Object& object, std::int32_t times);
  void let_go(Client& client, Verb verb, ObjectId id);
  bool make_room(std::uint64_t bytes);
  bool take_away(SegmentNumber segment);
  bool take_away_a_spare();
  bool spill_one();
  Result<void> restore(ObjectId id, Object& object);
  void look_after(Objects::iterator object);
  void drop_segment(SegmentNumber segment);
  void refuse(ClientNumber to, const Request& request);
  void tell(ClientNumber to, Answer answer, SegmentNumber segment = 0) { replies_.push_back({to, answer, segment}); }

  const Settings settings_;
  Shelf& shelf_;
  Time now_{};
  std::uint64_t used_ = 0;
  std::uint64_t spare_ = 0;
  std::uint64_t uses_ = 0;
  std::map<ClientNumber, Client> clients_;
  std::map<std::uint64_t, ClientNumber> writers_;  // By the half of their ids.
  Objects objects_;
  std::map<ObjectId, std::vector<Early>> early_;  // What was asked of objects that are on their way.
  std::map<SegmentNumber, Segment> segments_;
  std::set<std::pair<std::uint64_t, ObjectId>> idle_;  // In memory and not looked at, by when they were last used.
  std::set<std::pair<Time, SegmentNumber>> spares_;    // By since when.
  std::set<std::pair<Time, ObjectId>> unclaimed_;      // By until when.
  std::vector<Reply> replies_;
};

}  // namespace troupe::object_store
