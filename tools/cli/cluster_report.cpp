#include "tools/cli/cluster_report.h"

#include <chrono>

#include <nlohmann/json.hpp>

#include "scheduler/local/places.h"
#include "scheduler/local/standing.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds answer_limit{10'000};

Json node_object(const message::NodeSummary& node) {
  Json resources = Json::object();
  for (const auto& [name, amount] : node.capacity.named) resources[name] = static_cast<double>(amount) / 1000;
  Json labels = Json::object();
  for (const auto& [name, value] : node.capacity.labels) labels[name] = value;
  return {{"node", node.name},
          {"node_id", to_text(node.node)},
          {"state", state_of(node)},
          {"cpus", static_cast<double>(node.capacity.cpus) / 1000},
          {"free_cpus", static_cast<double>(node.free_cpus) / 1000},
          {"gpus", node.capacity.gpus.size()},
          {"memory_bytes", node.capacity.memory_bytes},
          {"resources", std::move(resources)},
          {"labels", std::move(labels)},
          {"running", node.running},
          {"drains", node.drains}};
}

std::string line_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<message::ClusterStatus> status_of(const scheduler::ClusterFile& cluster) {
  auto session = scheduler::connect(cluster);
  if (!session) return session.error();
  return session->core().ask_status(answer_limit);
}

std::string state_of(const message::NodeSummary& node) { return node.alive ? "up" : "lost"; }

Table node_table() {
  return Table({{"node"},
                {"state"},
                {"cpus", true},
                {"free", true},
                {"gpus", true},
                {"memory", true},
                {"running", true},
                {"id"}});
}

void add_node(Table& table, const message::NodeSummary& node) {
  const std::string state = node.drains ? (node.running > 0 ? "draining" : "drained") : "up";
  table.add({node.name, state_cell(node.alive ? state : "lost"), milli_text(node.capacity.cpus),
             milli_text(node.free_cpus), std::to_string(node.capacity.gpus.size()),
             size_text(node.capacity.memory_bytes), std::to_string(node.running), to_text(node.node)});
}

std::string node_json(const message::NodeSummary& node) { return line_of(node_object(node)); }

std::string status_json(const scheduler::ClusterFile& cluster, const message::ClusterStatus& status) {
  Json nodes = Json::array();
  for (const auto& node : status.nodes) nodes.push_back(node_object(node));
  return line_of({{"cluster_id", to_text(cluster.cluster)},
                  {"epoch", status.epoch},
                  {"commit_seq", status.commit_seq},
                  {"store", scheduler::redis_socket(cluster.directory())},
                  {"folder", cluster.folder},
                  {"nodes", std::move(nodes)}});
}

}  // namespace troupe::cli
