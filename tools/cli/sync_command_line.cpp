// The commands of locks, semaphores, barriers and queues.
#include <memory>
#include <utility>

#include "tools/cli/command_line.h"
#include "tools/cli/commands/barrier.h"
#include "tools/cli/commands/lock.h"
#include "tools/cli/commands/queue.h"

namespace troupe::cli {

void add_lock(CLI::App& app, Common& common, const std::vector<std::string>& argv, bool is_semaphore, int& exit_code) {
  auto* lock = app.add_subcommand(
      is_semaphore ? "semaphore" : "lock",
      is_semaphore ? "runs a command while permits of a semaphore are held: semaphore NAME [--permits N] -- CMD ARG..."
                   : "runs a command while a lock is held: lock NAME -- CMD ARG...; its token is in TROUPE_TOKEN");
  auto command = std::make_shared<LockCommand>();
  command->is_semaphore = is_semaphore;
  command->argv = argv;
  common.add_to(*lock);
  lock->add_option("name", command->name, "of the lock or semaphore")->required();
  if (is_semaphore) {
    lock->add_option("--permits", command->permits, "that the semaphore has: how many may hold one at once")
        ->capture_default_str();
    lock->add_option("--take", command->take, "permits to hold")->capture_default_str();
  }
  lock->add_option("--lease", command->lease, "how long others wait for a holder that is lost; default: 5s");
  lock->add_option("--limit", command->limit, "how long to wait for it; default: as long as it takes");
  lock->callback([command, &common, &exit_code] {
    command->cluster = common.cluster;
    exit_code = lock_command(*command);
  });
}

void add_barrier(CLI::App& app, Common& common, int& exit_code) {
  auto* barrier = app.add_subcommand("barrier", "waits until as many commands as there are parties have come");
  auto command = std::make_shared<BarrierCommand>();
  common.add_to(*barrier);
  barrier->add_option("name", command->name, "of the barrier")->required();
  barrier->add_option("--parties", command->parties, "how many there are")->required();
  barrier->add_option("--limit", command->limit, "how long to wait; default: as long as it takes");
  barrier->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = barrier_command(*command);
  });
}

template <class Command>
std::shared_ptr<Command> add_queue_verb(CLI::App& queue, Common& common, const char* verb, const char* what,
                                        int (*carry_out)(const Command&), int& exit_code) {
  auto* app = queue.add_subcommand(verb, what);
  auto command = std::make_shared<Command>();
  common.add_to(*app);
  app->add_option("name", command->name, "of the queue; NAME.dead: its dead letters")->required();
  app->add_option("--limit", command->limit, "how long to wait; default: as long as it takes");
  app->callback([command, carry_out, &common, &exit_code] {
    common.fill(*command);
    exit_code = carry_out(*command);
  });
  return command;
}

void add_queue(CLI::App& app, Common& common, int& exit_code) {
  auto* queue = app.add_subcommand("queue", "a message queue: queue send|receive|ack NAME");
  queue->require_subcommand(1);
  const auto send = add_queue_verb(*queue, common, "send", "puts messages at the end", &queue_send_command, exit_code);
  auto* sends = queue->get_subcommand("send");
  sends->add_option("messages", send->messages, "each word is one; none: what stands on stdin is one");
  sends->add_option("--capacity", send->capacity, "opens the queue for so many messages");
  sends->add_option("--max-deliveries", send->max_deliveries, "after which a message is a dead letter");
  sends->add_flag("--durable", send->durable, "opens a queue that outlives the scheduler");
  const auto receive = add_queue_verb(*queue, common, "receive", "prints TOKEN MESSAGE; 'ack' ends the message",
                                      &queue_receive_command, exit_code);
  auto* receives = queue->get_subcommand("receive");
  receives->add_option("--lease", receive->lease, "after which it is delivered again; default: 60s");
  receives->add_flag("--ack", receive->acknowledge, "acknowledges it at once");
  const auto ack =
      add_queue_verb(*queue, common, "ack", "the message is done with", &queue_acknowledge_command, exit_code);
  queue->get_subcommand("ack")->add_option("token", ack->token, "that 'receive' printed")->required();
}

}  // namespace troupe::cli
