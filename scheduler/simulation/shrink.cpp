#include "scheduler/simulation/shrink.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/simulation/simulation.h"

namespace troupe::scheduler::sim {
namespace {

/// What is broken, whichever tasks and times break it: one number may stand for several.
std::string kind_of(std::string broken) {
  std::erase_if(broken, [](char c) { return c >= '0' && c <= '9'; });
  return broken;
}

/// The tasks that are left name only tasks that are left.
void mend(DriverPlan& driver) {
  std::vector<TaskId> left;
  for (const auto& batch : driver.batches)
    for (const auto& spec : batch.tasks) left.push_back(spec.id);
  std::sort(left.begin(), left.end());
  const auto is_gone = [&](TaskId task) { return !std::binary_search(left.begin(), left.end(), task); };
  for (auto& batch : driver.batches)
    for (auto& script : batch.scripts)
      if (is_gone(script.waits_for)) script.waits_for = {};
  for (auto& batch : driver.batches)
    for (auto& spec : batch.tasks) {
      std::erase_if(spec.after, is_gone);
      if (std::erase_if(spec.inputs.as_vector(), is_gone) > 0) spec.when.reset();
    }
  std::erase_if(driver.batches, [&](const PlannedBatch& batch) { return batch.from && is_gone(batch.from); });
  std::erase_if(driver.cancels, [&](const PlannedCancel& cancel) { return is_gone(cancel.task); });
}

/// A list of things in a scenario of which each can be taken out.
struct Parts {
  std::function<std::size_t(const Scenario&)> count;
  /// Takes out those from `first` on, `count` of them.
  std::function<void(Scenario&, std::size_t first, std::size_t count)> take_out;
};

template <class Item>
void erase(std::vector<Item>& items, std::size_t first, std::size_t count) {
  const auto begin = items.begin() + static_cast<std::ptrdiff_t>(std::min(first, items.size()));
  items.erase(begin,
              begin + static_cast<std::ptrdiff_t>(std::min(count, static_cast<std::size_t>(items.end() - begin))));
}

/// Of one driver after the other, as if theirs were one list.
template <class Get>
Parts of_drivers(Get get) {
  return {.count =
              [get](const Scenario& scenario) {
                std::size_t sum = 0;
                for (const auto& driver : scenario.drivers) sum += get(driver).size();
                return sum;
              },
          .take_out =
              [get](Scenario& scenario, std::size_t first, std::size_t count) {
                for (auto& driver : scenario.drivers) {
                  auto& items = get(driver);
                  const std::size_t size = items.size();
                  if (first < size) erase(items, first, count);
                  count -= std::min(count, size - std::min(first, size));
                  first -= std::min(first, size);
                  mend(driver);
                }
              }};
}

/// Single tasks; the members of a gang stay, for they are submitted together.
void take_out_tasks(Scenario& scenario, std::size_t first, std::size_t count) {
  std::size_t place = 0;
  for (auto& driver : scenario.drivers) {
    for (auto& batch : driver.batches) {
      std::vector<TaskSpec> specs;
      std::vector<TaskScript> scripts;
      for (std::size_t i = 0; i < batch.tasks.size(); ++i, ++place) {
        if (place >= first && place < first + count && !batch.tasks[i].gang) continue;
        specs.push_back(std::move(batch.tasks[i]));
        scripts.push_back(batch.scripts[i]);
      }
      batch.tasks = std::move(specs);
      batch.scripts = std::move(scripts);
    }
    std::erase_if(driver.batches, [](const PlannedBatch& batch) { return batch.tasks.empty(); });
    mend(driver);
  }
}

/// Those of actors stay: they end no other way.
void take_out_cancels(Scenario& scenario, std::size_t first, std::size_t count) {
  std::size_t place = 0;
  for (auto& driver : scenario.drivers) {
    std::set<TaskId> actors;
    for (const auto& batch : driver.batches)
      for (const auto& spec : batch.tasks)
        if (spec.is_actor()) actors.insert(spec.id);
    std::erase_if(driver.cancels, [&](const PlannedCancel& cancel) {
      const bool is_meant = place >= first && place < first + count;
      ++place;
      return is_meant && !actors.contains(cancel.task);
    });
  }
}

std::size_t count_cancels(const Scenario& scenario) {
  std::size_t sum = 0;
  for (const auto& driver : scenario.drivers) sum += driver.cancels.size();
  return sum;
}

/// Nobody waits alone at the barrier.
void take_out_clients(Scenario& scenario, std::size_t first, std::size_t count) {
  erase(scenario.clients, first, count);
  const auto meets = [](const ClientPlan& client) { return client.rounds > 0; };
  if (std::count_if(scenario.clients.begin(), scenario.clients.end(), meets) != 1) return;
  for (auto& client : scenario.clients) client.rounds = 0;
}

std::size_t count_tasks(const Scenario& scenario) {
  std::size_t sum = 0;
  for (const auto& driver : scenario.drivers)
    for (const auto& batch : driver.batches) sum += batch.tasks.size();
  return sum;
}

class Shrinking {
 public:
  Shrinking(Shrunk& best, std::size_t most_runs) : best_(best), most_runs_(most_runs) {}

  /// Keeps what `change` makes of the best, if it still fails.
  template <class Change>
  bool try_to(Change change) {
    if (best_.runs >= most_runs_) return false;
    Scenario candidate = best_.scenario;
    change(candidate);
    ++best_.runs;
    const std::string broken = simulate(candidate).broken;
    if (kind_of(broken) != kind_of(best_.broken)) return false;
    best_.scenario = std::move(candidate);
    best_.broken = broken;
    return true;
  }

  /// Half of them, a quarter, … one.
  void take_out(const Parts& parts) {
    for (std::size_t size = (parts.count(best_.scenario) + 1) / 2; size > 0; size /= 2)
      for (std::size_t first = 0; first < parts.count(best_.scenario);)
        if (!try_to([&](Scenario& scenario) { parts.take_out(scenario, first, size); })) first += size;
  }

  /// Nothing begins after `end`, and the faults are over by then.
  static void cut(Scenario& scenario, Time end) {
    scenario.faults_until = std::min(scenario.faults_until, end);
    std::erase_if(scenario.faults, [end](const Fault& fault) { return fault.at >= end; });
    std::erase_if(scenario.drains, [end](const PlannedDrain& drain) { return drain.at >= end; });
    for (auto& driver : scenario.drivers) {
      std::erase_if(driver.batches, [end](const PlannedBatch& batch) { return !batch.from && batch.at >= end; });
      if (driver.dies_at && *driver.dies_at >= end) driver.dies_at.reset();
      mend(driver);
    }
  }

  void shrink_horizon(Time failed_at) {
    (void)try_to([&](Scenario& scenario) { cut(scenario, failed_at + Time{1}); });
    for (int eighths = 1; eighths < 8; ++eighths) {
      const Time end = best_.scenario.faults_until * eighths / 8;
      if (end > Time{0} && try_to([end](Scenario& scenario) { cut(scenario, end); })) eighths = 0;
      if (best_.scenario.faults_until < Time{8}) break;
    }
  }

  void clear_weather() {
    (void)try_to([](Scenario& scenario) { scenario.weather.reorders = false; });
    (void)try_to([](Scenario& scenario) { scenario.weather.lost_permille = 0; });
    (void)try_to([](Scenario& scenario) { scenario.weather.doubled_permille = 0; });
    (void)try_to([](Scenario& scenario) { scenario.weather.worker_dies_permille = 0; });
    (void)try_to([](Scenario& scenario) { scenario.weather.worker_stops_permille = 0; });
    (void)try_to([](Scenario& scenario) { scenario.weather.uses_codec = false; });
    (void)try_to([](Scenario& scenario) { scenario.scheduler_clock_permille = 1000; });
    (void)try_to([](Scenario& scenario) {
      for (auto& node : scenario.nodes) node.clock_permille = 1000;
    });
    (void)try_to([](Scenario& scenario) {
      scenario.has_standby = false;
      std::erase_if(scenario.faults, [](const Fault& fault) {
        return fault.kind == FaultKind::second_scheduler || (fault.kind > FaultKind::node_gone && fault.target > 0);
      });
    });
    for (std::size_t i = 0; i < best_.scenario.drivers.size(); ++i)
      (void)try_to([i](Scenario& scenario) { scenario.drivers[i].dies_at.reset(); });
  }

 private:
  Shrunk& best_;
  const std::size_t most_runs_;
};

}  // namespace

std::size_t external_events(const Scenario& scenario) {
  std::size_t sum = scenario.faults.size() + scenario.clients.size() + scenario.drains.size();
  for (const auto& driver : scenario.drivers)
    sum += driver.batches.size() + driver.cancels.size() + (driver.dies_at ? 1 : 0);
  return sum;
}

Shrunk shrink(const Scenario& scenario, std::size_t most_runs) {
  const Outcome outcome = simulate(scenario);
  Shrunk best{.scenario = scenario, .broken = outcome.broken, .runs = 1};
  best.scenario.events_between_scans = 1;  // the failure is seen where it begins
  if (const auto broken = simulate(best.scenario).broken; kind_of(broken) != kind_of(best.broken))
    best.scenario.events_between_scans = scenario.events_between_scans;
  Shrinking shrinking(best, most_runs);
  shrinking.shrink_horizon(outcome.at);
  const Parts faults{
      .count = [](const Scenario& its) { return its.faults.size(); },
      .take_out = [](Scenario& its, std::size_t first, std::size_t count) { erase(its.faults, first, count); }};
  const Parts clients{.count = [](const Scenario& its) { return its.clients.size(); }, .take_out = take_out_clients};
  const Parts drains{
      .count = [](const Scenario& its) { return its.drains.size(); },
      .take_out = [](Scenario& its, std::size_t first, std::size_t count) { erase(its.drains, first, count); }};
  const Parts submits = of_drivers([](auto& driver) -> auto& { return driver.batches; });
  const Parts cancels{.count = count_cancels, .take_out = take_out_cancels};
  for (std::size_t before = ~std::size_t{0}; best.runs < most_runs && count_tasks(best.scenario) < before;) {
    before = count_tasks(best.scenario);
    shrinking.take_out(faults);
    shrinking.take_out(submits);
    shrinking.take_out(clients);
    shrinking.take_out(drains);
    shrinking.clear_weather();
    shrinking.take_out({.count = count_tasks, .take_out = take_out_tasks});
    shrinking.take_out(cancels);
    shrinking.take_out(faults);
  }
  return best;
}

}  // namespace troupe::scheduler::sim
