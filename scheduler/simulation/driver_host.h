// A driver: submits what is planned, asks again until it is answered and told, then leaves.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "scheduler/simulation/network.h"
#include "scheduler/simulation/task_book.h"

namespace troupe::scheduler::sim {

struct World;

class DriverHost {
 public:
  DriverHost(World& world, std::uint32_t number);

  void start();
  DriverId id() const { return {number_ + 1u}; }
  bool is_gone() const { return is_gone_; }
  /// A task of one of its jobs has started: what it adds is submitted when it does so.
  void runs(TaskId task);
  /// Its end is known here, or the driver is gone: whoever waits for one of its tasks goes on.
  bool knows_end_of(TaskId task) { return is_gone_ || has_ended(task); }
  void print_what_is_open() const;

 private:
  struct Sent {
    const PlannedBatch* batch = nullptr;
    std::uint64_t request = 0;
    bool is_under_way = false;  // submitted, once at least
    bool is_answered = false;
    std::size_t open_tasks = 0;
    Time ask_again_at{};
    Time patience{};
  };
  struct Cancel {
    TaskId task;
    Time ask_again_at{};
  };
  struct End {
    bool is_submitted = false;
    bool is_known = false;
    TaskState state = TaskState::done;
    Bytes result;
    std::uint32_t told_in_epoch = 0;
    std::size_t batch = 0;  // its place in sent_
  };

  void die();
  void take(Letter&& letter);
  void beat();
  void submit(const PlannedBatch& batch);
  /// Never submitted: the task that would have added it has ended before it ran.
  void drop(const PlannedBatch& batch);
  void send_due();
  void send(Sent& sent);
  void cancel(TaskId task);
  void ended(TaskId task, TaskState state, const Bytes& result = {});
  void check_used(const Bytes& result);
  bool has_ended(TaskId task) { return ends_[task].is_known; }
  bool is_done() const;
  void leave_when_done();
  std::vector<TaskSpec> still_open(const PlannedBatch& batch);
  void to_schedulers(message::Message&& message);

  World& world_;
  const std::uint32_t number_;
  const DriverPlan& plan_;
  Dice dice_;
  bool is_gone_ = false;
  std::uint32_t epoch_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint32_t given_ = 0;  // the highest number of its own tasks that it has submitted
  std::deque<Sent> sent_;    // A deque: what is sent may end others, and so drop what these would have added.
  TaskBook<End> ends_;
  std::multimap<TaskId, const PlannedBatch*> to_be_added_;  // by the task that adds it, until that starts
  std::map<std::uint64_t, Cancel> cancels_;                 // by request: asked for until the end is told
  std::size_t planned_cancels_ = 0;                         // to come
  std::vector<TaskId> of_no_use_;
};

}  // namespace troupe::scheduler::sim
