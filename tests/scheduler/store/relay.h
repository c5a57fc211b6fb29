// Stands between a store and Redis on a unix socket, and loses one EXEC on its way there, or its answer on the way
// back.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace troupe::scheduler::test {

enum class Lose { nothing, request, answer };

class Relay {
 public:
  /// Listens at `socket` and passes on to `target`; one connection at a time.
  Relay(const std::string& socket, std::string target);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// What becomes of the next EXEC; then the connection is cut.
  void lose_next_exec(Lose what) { lose_ = what; }
  bool has_lost() const { return lose_ == Lose::nothing; }

  /// Calls `action`, in the relay's thread, just before it passes the next EXEC on.
  void before_next_exec(std::function<void()> action);

  /// While closed, connections are refused by silence: they are accepted later.
  void close_door(bool closed) { closed_ = closed; }

 private:
  void run();
  bool pass(int from, int to, bool is_request);
  void cut();

  std::string target_;
  int listener_ = -1;
  int client_ = -1;
  int server_ = -1;
  bool swallows_answer_ = false;
  std::mutex guards_action_;
  std::function<void()> action_;
  std::atomic<Lose> lose_ = Lose::nothing;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

/// Answers each connection with the same bytes, whatever it is asked.
class PlayedRedis {
 public:
  PlayedRedis(const std::string& socket, std::string answer);
  ~PlayedRedis();
  PlayedRedis(const PlayedRedis&) = delete;
  PlayedRedis& operator=(const PlayedRedis&) = delete;

 private:
  int listener_ = -1;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

}  // namespace troupe::scheduler::test
