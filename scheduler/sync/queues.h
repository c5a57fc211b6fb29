// Message queues by name: bounded, many producers and consumers, first in first out.
//
// A message that is delivered stays in the queue until it is acknowledged. A delivery that ends otherwise puts it back
// to its place, before later ones; after `max_deliveries` of them it is a dead letter, in a line of its own:
// `NAME.dead`, which is received from like any queue.
//
// Invariants: each message is in a line, or delivered by exactly one claim; where a message is in a line nobody waits
// at it; messages of all sorts together are at most `capacity`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/sync/claims.h"
#include "scheduler/sync/records.h"

namespace troupe::scheduler {

class Queues {
 public:
  struct Message {
    StoredMessage stored;
    sync::Token delivery = 0;  ///< 0: in line.
  };
  struct Line {
    std::set<std::uint64_t> ready;  ///< Messages, by number.
    std::set<sync::Token> waiting;  ///< Receivers.
  };
  struct Queue {
    sync::QueueOptions options;
    std::set<DriverId> openers;  ///< It is kept for them, empty or not.
    std::map<std::uint64_t, Message> messages;
    Line live;
    Line dead;
  };

  /// `NAME` of `NAME.dead`; else the name itself.
  static std::string queue_of(std::string_view line);
  static bool is_dead_line(std::string_view line);

  Queue& ensure(const std::string& name, const sync::QueueOptions& options);
  void put(const std::string& name, std::uint64_t number, StoredMessage message);
  void wait(const std::string& line, sync::Token token);
  void stop_waiting(const std::string& line, sync::Token token);
  /// Pairs the heads of the line: a receiver and the message that is now delivered to it.
  std::optional<std::pair<sync::Token, std::uint64_t>> deliver_next(const std::string& line);
  /// Delivers this very message. False: it is not in line.
  bool deliver(const std::string& line, std::uint64_t number, sync::Token token);
  void remove(const std::string& name, std::uint64_t number);
  /// The delivery has failed. The message as it is now.
  const StoredMessage& put_back(const std::string& name, std::uint64_t number);
  void add_opener(const std::string& name, DriverId opener);
  /// What it opened, it needs no more. Their names.
  std::vector<std::string> drop_opener(DriverId opener);
  /// Forgets a queue that holds nothing and that nobody wants; true if it did.
  bool forget_if_unused(const std::string& name);

  Queue* find(const std::string& name);
  const Queue* find(const std::string& name) const { return const_cast<Queues*>(this)->find(name); }
  const std::map<std::string, Queue>& queues() const { return queues_; }
  std::size_t bytes() const { return bytes_; }  ///< Of all messages.
  std::size_t size() const { return queues_.size(); }

 private:
  Line* line_of(const std::string& line);

  std::map<std::string, Queue> queues_;
  std::set<std::pair<DriverId, std::string>> openers_;
  std::size_t bytes_ = 0;
};

}  // namespace troupe::scheduler
