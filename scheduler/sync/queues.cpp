#include "scheduler/sync/queues.h"

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr std::string_view dead_suffix = ".dead";

}  // namespace

bool Queues::is_dead_line(std::string_view line) { return line.ends_with(dead_suffix); }

std::string Queues::queue_of(std::string_view line) {
  if (is_dead_line(line)) line.remove_suffix(dead_suffix.size());
  return std::string(line);
}

Queues::Queue* Queues::find(const std::string& name) {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : &found->second;
}

Queues::Line* Queues::line_of(const std::string& line) {
  Queue* queue = find(queue_of(line));
  if (queue == nullptr) return nullptr;
  return is_dead_line(line) ? &queue->dead : &queue->live;
}

Queues::Queue& Queues::ensure(const std::string& name, const sync::QueueOptions& options) {
  const auto [found, is_new] = queues_.try_emplace(name);
  if (is_new) found->second.options = options;
  return found->second;
}

void Queues::put(const std::string& name, std::uint64_t number, StoredMessage message) {
  Queue& queue = queues_.at(name);
  bytes_ += message.body.size();
  (message.is_dead ? queue.dead : queue.live).ready.insert(number);
  queue.messages.emplace(number, Message{std::move(message)});
}

void Queues::wait(const std::string& line, sync::Token token) {
  Line* of = line_of(line);
  TROUPE_CHECK(of != nullptr, "a queue is made before anybody waits at it");
  of->waiting.insert(token);
}

void Queues::stop_waiting(const std::string& line, sync::Token token) {
  if (Line* of = line_of(line)) of->waiting.erase(token);
}

std::optional<std::pair<sync::Token, std::uint64_t>> Queues::deliver_next(const std::string& line) {
  Line* of = line_of(line);
  if (of == nullptr || of->ready.empty() || of->waiting.empty()) return std::nullopt;
  const std::pair next(*of->waiting.begin(), *of->ready.begin());
  of->waiting.erase(of->waiting.begin());
  TROUPE_CHECK(deliver(line, next.second, next.first), "what is in line can be delivered");
  return next;
}

bool Queues::deliver(const std::string& line, std::uint64_t number, sync::Token token) {
  Line* of = line_of(line);
  if (of == nullptr || of->ready.erase(number) == 0) return false;
  find(queue_of(line))->messages.at(number).delivery = token;
  return true;
}

void Queues::remove(const std::string& name, std::uint64_t number) {
  Queue& queue = queues_.at(name);
  const auto found = queue.messages.find(number);
  if (found == queue.messages.end()) return;
  bytes_ -= found->second.stored.body.size();
  (found->second.stored.is_dead ? queue.dead : queue.live).ready.erase(number);
  queue.messages.erase(found);
}

const StoredMessage& Queues::put_back(const std::string& name, std::uint64_t number) {
  Queue& queue = queues_.at(name);
  Message& message = queue.messages.at(number);
  message.delivery = 0;
  ++message.stored.deliveries;
  if (message.stored.deliveries >= queue.options.max_deliveries) message.stored.is_dead = true;
  (message.stored.is_dead ? queue.dead : queue.live).ready.insert(number);
  return message.stored;
}

void Queues::add_opener(const std::string& name, DriverId opener) {
  queues_.at(name).openers.insert(opener);
  openers_.emplace(opener, name);
}

std::vector<std::string> Queues::drop_opener(DriverId opener) {
  std::vector<std::string> names;
  const auto first = openers_.lower_bound({opener, {}});
  auto past = first;
  for (; past != openers_.end() && past->first == opener; ++past) {
    names.push_back(past->second);
    queues_.at(past->second).openers.erase(opener);
  }
  openers_.erase(first, past);
  return names;
}

bool Queues::forget_if_unused(const std::string& name) {
  const Queue* queue = find(name);
  if (queue == nullptr || !queue->messages.empty() || !queue->openers.empty()) return false;
  if (!queue->live.waiting.empty() || !queue->dead.waiting.empty()) return false;
  queues_.erase(name);
  return true;
}

}  // namespace troupe::scheduler
