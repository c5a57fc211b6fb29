#include "tools/cli/commands/drain.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "scheduler/local/standing.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"
#include "tools/cli/progress_line.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using message::NodeSummary;
using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds answer_limit{10'000};
constexpr std::chrono::milliseconds question_interval{100};
constexpr std::chrono::seconds most_silence{60};  // A scheduler may be started anew meanwhile.

/// One that is not there, but was, has its id alone.
Result<NodeSummary> find_or_name(const std::vector<NodeSummary>& nodes, const std::string& text) {
  const auto found = find_node(nodes, text);
  if (found) return **found;
  const auto id = hex_from(text);
  if (id && text.size() == to_text(*id).size()) return NodeSummary{.node = NodeId{*id}, .name = text};
  return bad_input(found.error().message);
}

int fail(const Error& error) {
  complain("drain", error.message);
  return error.fault == Fault::refused ? exit_bad_input : exit_code_of(error);
}

void tell(const DrainCommand& command, const NodeSummary& node) {
  if (command.json) {
    const Json line{
        {"node", node.name}, {"node_id", to_text(node.node)}, {"drains", !command.undo}, {"running", node.running}};
    std::printf("%s\n", json_line(line).c_str());
  } else if (command.undo) {
    std::printf("node %s takes work again\n", node.name.c_str());
  } else {
    std::printf("node %s takes no new work and runs %s\n", node.name.c_str(),
                node.running == 0 ? "nothing" : (std::to_string(node.running) + " that it had").c_str());
  }
}

std::string attempts_text(std::uint32_t running) {
  return std::to_string(running) + (running == 1 ? " attempt still runs" : " attempts still run");
}

/// Until it runs nothing, or ^C.
///
/// Fails with: timed_out (no scheduler has the node any more).
Result<void> wait_until_empty(SessionCore& session, const DrainCommand& command, NodeSummary& node) {
  ProgressLine line("drain " + node.name, command.quiet);
  const std::uint32_t at_first = node.running;
  auto last_seen = Clock::now();
  while (node.running > 0 && interrupts() == 0) {
    std::this_thread::sleep_for(question_interval);  // Nobody is told when a node is empty: it has to be asked.
    const auto status = session.ask_status(answer_limit);
    const auto is_it = [&](const NodeSummary& each) { return each.node == node.node; };
    const auto nodes = status ? status->nodes : std::vector<NodeSummary>{};
    if (const auto found = std::find_if(nodes.begin(), nodes.end(), is_it); found != nodes.end()) {
      last_seen = Clock::now();
      node = *found;
    } else if (Clock::now() - last_seen > most_silence) {
      return Error{Fault::timed_out, "no scheduler has seen node " + node.name + " for a minute; it stays drained"};
    }
    const double left = node.running;
    if (line.is_due()) line.show(1 - left / std::max<double>(at_first, left), attempts_text(node.running));
  }
  return {};
}

}  // namespace

int drain_command(const DrainCommand& command) {
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  auto session = scheduler::connect(*cluster);
  if (!session) return fail(session.error());
  auto& core = session->core();
  const auto status = core.ask_status(answer_limit);
  if (!status) return fail(status.error());
  auto node = find_or_name(status->nodes, command.node);
  if (!node) return fail(node.error());
  count_interrupts();
  if (auto drained = core.drain(node->node, !command.undo, answer_limit); !drained) return fail(drained.error());
  if (!command.undo && !command.no_wait) {
    if (auto emptied = wait_until_empty(core, command, *node); !emptied) return fail(emptied.error());
    if (node->running > 0) {
      complain("drain",
               "node " + node->name + " stays drained, " + attempts_text(node->running) + " there (--undo ends it)");
      return exit_interrupted;
    }
  }
  tell(command, *node);
  return exit_done;
}

}  // namespace troupe::cli
