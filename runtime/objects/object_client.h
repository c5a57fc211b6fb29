// A process's way to the object stores of its machine: puts values into its own node's, looks at values in any.
//
// What is put is copied once, into memory that every process of the node then maps. What is looked at is not copied. A
// store that is gone has lost its objects; those that are being looked at stay until they are let go.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/objects/stored_object.h"
#include "runtime/wire/fields.h"

namespace troupe {

class StoreConnection;

/// Bytes of a value and what keeps them where they are.
struct Payload {
  std::string_view bytes;
  std::shared_ptr<const void> owner;  ///< None: the bytes are another's, and must be copied to be kept.
  Handed handed{};                    ///< What the Refs in it name.
};

/// An object as its store has it.
struct ObjectSummary {
  ObjectId id;
  std::uint64_t bytes = 0;
  std::uint64_t memory_bytes = 0;  ///< 0: it is on disk.
  std::uint32_t held = 0;          ///< By how many.
  std::uint32_t opened = 0;        ///< Looked at by how many.
};

/// Keeps an object in its store while it lives.
class ObjectHold {
 public:
  ObjectHold(std::shared_ptr<StoreConnection> store, ObjectId object) : store_(std::move(store)), object_(object) {}
  ~ObjectHold();
  ObjectHold(const ObjectHold&) = delete;

  /// Its store is gone, and so is it.
  bool is_lost() const;
  /// The same, as far as this process has heard: costs nothing.
  bool is_known_lost() const;

 private:
  friend class ObjectClient;

  std::shared_ptr<StoreConnection> store_;
  ObjectId object_;
};

/// Threads: any.
class ObjectClient {
 public:
  /// `own_store` names the socket of the store into which this process puts; asked again when that one is gone. Empty:
  /// there is none.
  explicit ObjectClient(std::function<std::string()> own_store) : own_store_(std::move(own_store)) {}

  struct Put {
    StoredObject object;
    std::shared_ptr<const ObjectHold> hold;  ///< None where it is for somebody else.
  };
  enum class For { self, other };

  /// Copies `head` and `body` into shared memory, as one value; the body lies at a multiple of 64 bytes. For somebody
  /// else, the store keeps it until that one takes it over, or a minute.
  ///
  /// Fails with: peer_lost (the store is gone, or there is none), unavailable (it is full, or the machine has no
  /// memory).
  Result<Put> put(std::string_view head, std::string_view body, For whom);

  /// Does not wait. `takes_over`: this process is the one for whom somebody else has put it.
  std::shared_ptr<const ObjectHold> hold(const StoredObject& object, bool takes_over);

  /// Of an object that this process holds: it stays until somebody else takes it over, or a minute. Does not wait.
  void leave(const StoredObject& object);

  /// Waits until the stores of these have done what they were asked to: from then on they stay, whoever lets go of
  /// them.
  ///
  /// Fails with: timed_out. One that is lost already is not waited for: who opens it hears so.
  static Result<void> confirm(std::span<const std::shared_ptr<const ObjectHold>> holds);

  /// The bytes of the object, which stay while the payload's owner does. Waits for them where they are on disk.
  ///
  /// Fails with: peer_lost (the object is lost), unavailable (there is no room to bring it back), timed_out, corrupt.
  Result<Payload> open(const StoredObject& object);

  /// All that a store has. Fails with: peer_lost, timed_out.
  Result<std::vector<ObjectSummary>> list(const std::string& store);

  /// Sends what found no room, and hears what the stores have said: to be called now and then.
  void look_after();

 private:
  std::shared_ptr<StoreConnection> connection_to(const std::string& store);
  std::string own_store();

  const std::function<std::string()> own_store_;
  std::mutex mutex_;
  std::string last_own_store_;
  std::map<std::string, std::shared_ptr<StoreConnection>> connections_;
};

}  // namespace troupe
