#include "tools/cli/cluster_report.h"

#include <chrono>

#include <nlohmann/json.hpp>

#include "scheduler/local/places.h"
#include "scheduler/local/standing.h"
#include "tools/cli/did_you_mean.h"
#include "tools/cli/json_line.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds answer_limit{10'000};

double number_of(Milli amount) { return static_cast<double>(amount) / 1000; }

Json object_of(const std::vector<std::pair<std::string, Milli>>& named) {
  Json object = Json::object();
  for (const auto& [name, amount] : named) object[name] = number_of(amount);
  return object;
}

Json object_of(const std::vector<std::pair<std::string, std::string>>& labels) {
  Json object = Json::object();
  for (const auto& [name, value] : labels) object[name] = value;
  return object;
}

Json shape_object(const message::QueueShape& shape) {
  return {{"waiting", shape.waiting},
          {"gang", shape.gang},
          {"cpus", number_of(shape.needs.cpus)},
          {"gpus", number_of(shape.needs.gpus)},
          {"memory_bytes", shape.needs.memory_bytes},
          {"gpu_memory_bytes", shape.needs.gpu_memory_bytes},
          {"resources", object_of(shape.needs.named)},
          {"labels", object_of(shape.needs.labels)},
          {"first", shape.name},
          {"first_id", to_text(shape.first)},
          {"why", shape.why}};
}

Json node_object(const message::NodeSummary& node) {
  return {{"node", node.name},
          {"node_id", to_text(node.node)},
          {"state", state_of(node)},
          {"cpus", number_of(node.capacity.cpus)},
          {"free_cpus", number_of(node.free_cpus)},
          {"gpus", node.capacity.gpus.size()},
          {"free_gpus", number_of(node.free_gpus)},
          {"memory_bytes", node.capacity.memory_bytes},
          {"free_memory_bytes", node.free_memory_bytes},
          {"resources", object_of(node.capacity.named)},
          {"labels", object_of(node.capacity.labels)},
          {"running", node.running},
          {"drains", node.drains}};
}

Json scheduler_object(const message::SchedulerSummary& scheduler) {
  return {{"memory_bytes", scheduler.memory_bytes}, {"tasks", scheduler.tasks},
          {"most_tasks", scheduler.most_tasks},     {"jobs", scheduler.jobs},
          {"drivers", scheduler.drivers},           {"claims", scheduler.claims}};
}

}  // namespace

Json holder_object(const message::ClaimSummary& claim) {
  return {{"token", claim.token},
          {"task_id", claim.task ? Json(to_text(claim.task)) : Json()},
          {"attempt", claim.task ? Json(claim.attempt.number) : Json()},
          {"driver", claim.client ? Json(to_text(claim.client)) : Json()},
          {"name", claim.name},
          {"permits", claim.permits},
          {"until", claim.until_ms == 0 ? Json() : Json(rfc3339(claim.until_ms))}};
}

Result<message::ClusterStatus> status_of(const scheduler::ClusterFile& cluster) {
  auto session = scheduler::connect(cluster);
  if (!session) return session.error();
  return session->core().ask_status(answer_limit);
}

Result<const message::NodeSummary*> find_node(const std::vector<message::NodeSummary>& nodes, const std::string& text) {
  const auto id = hex_from(text);
  const message::NodeSummary* found = nullptr;
  std::vector<std::string> names;
  for (const auto& node : nodes) {
    if (id && node.node.value == *id) return &node;
    names.push_back(node.name);
    if (node.name != text) continue;
    if (found != nullptr)
      return bad_input("found two nodes called '" + text + "', " + to_text(found->node) + " and " + to_text(node.node) +
                       ": name one by its id");
    found = &node;
  }
  if (found != nullptr) return found;
  return Error{Fault::not_found,
               "there is no node '" + text + "'" + did_you_mean(text, names) + ": 'troupe list nodes' shows them"};
}

std::string state_of(const message::NodeSummary& node) { return node.alive ? "up" : "lost"; }

Table node_table() {
  return Table({{"node"},
                {"state"},
                {"cpus", true},
                {"free", true},
                {"gpus", true},
                {"free", true},
                {"memory", true},
                {"free", true},
                {"running", true},
                {"id"}});
}

void add_node(Table& table, const message::NodeSummary& node) {
  const std::string state = node.drains ? (node.running > 0 ? "draining" : "drained") : "up";
  table.add({node.name, state_cell(node.alive ? state : "lost"), milli_text(node.capacity.cpus),
             milli_text(node.free_cpus), std::to_string(node.capacity.gpus.size()), milli_text(node.free_gpus),
             size_text(node.capacity.memory_bytes), size_text(node.free_memory_bytes), std::to_string(node.running),
             to_text(node.node)});
}

Table queue_table(const message::ClusterStatus& status) {
  Table table({{"waiting", true}, {"needs"}, {"first"}, {"why"}});
  for (const auto& shape : status.queue) {
    const std::string gang = shape.gang == 0 ? "" : ", gang of " + std::to_string(shape.gang);
    table.add({std::to_string(shape.waiting), describe(shape.needs) + gang, shape.name, shape.why});
  }
  return table;
}

std::string node_json(const message::NodeSummary& node) { return json_line(node_object(node)); }

std::string status_json(const scheduler::ClusterFile& cluster, const message::ClusterStatus& status,
                        const std::vector<message::JobSummary>& jobs) {
  Json nodes = Json::array();
  for (const auto& node : status.nodes) nodes.push_back(node_object(node));
  Json queue = Json::array();
  for (const auto& shape : status.queue) queue.push_back(shape_object(shape));
  return json_line({{"cluster_id", to_text(cluster.cluster)},
                    {"epoch", status.epoch},
                    {"commit_seq", status.commit_seq},
                    {"store", scheduler::redis_socket(cluster.directory())},
                    {"folder", cluster.folder},
                    {"scheduler", scheduler_object(status.scheduler)},
                    {"nodes", std::move(nodes)},
                    {"jobs", jobs_array(jobs)},
                    {"queue", std::move(queue)}});
}

}  // namespace troupe::cli
