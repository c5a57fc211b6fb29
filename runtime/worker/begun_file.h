// What a worker has begun, kept where its agent can read it once the worker has died: which of several orders it died
// under, no message can tell.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/worker/task_log.h"

namespace troupe {

/// Of a worker that is gone. Its orders are numbered from 1, as it got them.
struct Begun {
  std::uint64_t orders = 0;
  /// Those that it died under, of actors that share it: whose thread got the fatal signal or called exit(); where none
  /// did (it was killed), all whose code was running.
  std::vector<std::uint64_t> blamed;
  /// Whose output goes on; none: nobody's.
  LogOwner running;
};

class BegunFile {
 public:
  /// Creates the file beside the socket of the worker's own address; where that is no `ipc://` path, counts nothing.
  explicit BegunFile(const std::string& own_address);
  ~BegunFile();
  BegunFile(const BegunFile&) = delete;
  BegunFile& operator=(const BegunFile&) = delete;

  /// Answers with its number.
  std::uint64_t count_one();

  /// What is printed from now on is the owner's; none: nobody's.
  void note_running(const LogOwner& owner);

  /// While it lives the calling thread runs the user's code for an order.
  class Running {
   public:
    Running(BegunFile& file, std::uint64_t order);
    ~Running();
    Running(const Running&) = delete;

   private:
    std::atomic<std::uint64_t>* slot_ = nullptr;
  };

  /// What the worker of that address noted, nothing when it noted nothing; the file goes. Requires: the worker is gone.
  static Begun take(const std::string& own_address);

 private:
  struct Page;

  std::uint64_t counted_ = 0;
  Page* page_ = nullptr;
};

}  // namespace troupe
