// One process's connection to one object store: requests, their answers, and the memory that both share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/objects/object_client.h"
#include "runtime/objects/segment.h"

namespace troupe {

/// Threads: any. None waits with the lock: who waits for an answer reads for all.
class StoreConnection : public std::enable_shared_from_this<StoreConnection> {
 public:
  /// One to whom nobody answers is broken from the start.
  explicit StoreConnection(const std::string& socket);

  Result<ObjectId> put(std::string_view head, std::string_view body, ObjectClient::For whom);
  void hold(ObjectId object, bool takes_over);
  Result<void> confirm();
  void leave(ObjectId object);
  void drop(ObjectId object);
  Result<Payload> open(ObjectId object);

  /// Behind one another until there are no more.
  Result<std::vector<ObjectSummary>> list();

  void look_after();
  /// The store is gone, with all that it kept.
  bool is_broken();
  bool is_known_broken() const { return is_broken_; }

 private:
  using Segment = object_store::Segment;
  struct Answered {
    object_store::Answer answer;
    Descriptor descriptor;
  };
  struct Outgoing {
    object_store::Request request;
    std::shared_ptr<Segment> segment;  // Handed over with it.
  };
  /// Memory that this process has written, and may write again when it is spare.
  struct Written {
    std::shared_ptr<Segment> memory;
    std::size_t capacity = 0;
    bool is_spare = false;
  };

  std::optional<std::uint64_t> take_spare(std::size_t capacity);
  Result<std::uint64_t> make_segment(std::unique_lock<std::mutex>& lock, std::size_t capacity);
  Result<Answered> ask(std::unique_lock<std::mutex>& lock, object_store::Request request);
  void post(const object_store::Request& request, std::shared_ptr<Segment> segment = nullptr);
  void flush();
  void hear();
  void give_up();
  Error is_gone() const;

  const std::string path_;
  Descriptor socket_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> is_broken_ = false;
  bool is_reading_ = false;  // A thread waits for the socket without the lock.
  std::uint64_t last_request_ = 0;
  std::uint64_t last_segment_ = 0;
  const std::uint64_t own_half_;  // Of the ids of objects.
  std::uint64_t last_object_ = 0;
  std::deque<Outgoing> outgoing_;  // What found no room.
  std::map<std::uint64_t, std::optional<Answered>> answers_;
  std::map<std::uint64_t, std::vector<ObjectSummary>> listed_;  // By request, while that is open.
  std::map<std::uint64_t, Written> written_;
  std::map<ObjectId, std::weak_ptr<const Payload>> opened_;
};

}  // namespace troupe
