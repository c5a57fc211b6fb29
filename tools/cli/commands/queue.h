// `troupe queue send|receive|ack NAME`: a message queue for commands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

struct QueueCommand {
  std::string name;
  std::string limit;    ///< How long to wait; empty: as long as it takes.
  std::string cluster;  ///< See choose_cluster.
  bool json = false;
};

struct QueueSend : QueueCommand {
  std::vector<std::string> messages;  ///< None: what stands on stdin is one.
  std::uint32_t capacity = 0;         ///< 0: as it is; so for the next.
  std::uint32_t max_deliveries = 0;
  bool durable = false;
};

struct QueueReceive : QueueCommand {
  std::string lease;         ///< Empty: 60s.
  bool acknowledge = false;  ///< At once.
};

struct QueueAcknowledge : QueueCommand {
  std::string token;  ///< As `receive` printed it.
};

/// The exit code of the process: 1 if it is still full when the time is over.
int queue_send_command(const QueueSend& command);
/// Prints `TOKEN MESSAGE`, or one line of JSON. 1 if there is no message when the time is over.
int queue_receive_command(const QueueReceive& command);
/// 1 if the lease was over: the message is, or was, delivered again.
int queue_acknowledge_command(const QueueAcknowledge& command);

}  // namespace troupe::cli
