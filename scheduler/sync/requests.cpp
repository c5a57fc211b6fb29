// What is asked, one operation at a time.
#include <algorithm>
#include <utility>

#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {
namespace {

using sync::Kind;
using sync::Outcome;

constexpr std::size_t most_name_bytes = 256;
constexpr sync::Duration shortest_lease{50};
constexpr sync::Duration longest_lease{std::chrono::hours(1)};
constexpr std::uint32_t most_parties = 100'000;
constexpr std::uint32_t most_capacity = 1'000'000;  // Of a queue.

const char* to_text(Kind kind) {
  switch (kind) {
    case Kind::lock: return "lock";
    case Kind::semaphore: return "semaphore";
    case Kind::barrier: return "barrier";
    case Kind::queue: return "queue";
  }
  return "";
}

std::string named(Kind kind, const std::string& name) { return std::string(to_text(kind)) + " '" + name + "'"; }

std::string flaw_of_lease(sync::Duration lease) {
  if (lease >= shortest_lease && lease <= longest_lease) return {};
  return "a lease is " + std::to_string(shortest_lease.count()) + " to " + std::to_string(longest_lease.count()) +
         " ms, " + std::to_string(lease.count()) + " were asked for";
}

}  // namespace

void Synchronisation::answer(const Asked& asked, Outcome outcome, sync::Token token) {
  send_answer(asked.holder.client, {.request = asked.request, .outcome = outcome, .token = token});
}

void Synchronisation::refuse(const Asked& asked, std::string why) {
  send_answer(asked.holder.client, {.request = asked.request, .outcome = Outcome::refused, .refusal = std::move(why)});
}

void Synchronisation::carry_out(const Asked& asked, const sync::Operation& operation) {
  std::visit([&](const auto& each) { on(asked, each); }, operation);
}

/// Also whether there is room for what the request makes.
std::string Synchronisation::flaw_of_name(Kind kind, const std::string& name) const {
  if (name.empty() || name.size() > most_name_bytes)
    return std::string("the name of a ") + to_text(kind) + " has 1 to " + std::to_string(most_name_bytes) + " bytes, " +
           std::to_string(name.size()) + " were found";
  if (claims_.size() >= settings_.most_claims)
    return "there are " + std::to_string(claims_.size()) + " waits and holds, the most there may be";
  std::size_t names = 0;
  bool is_new = false;
  if (kind == Kind::barrier) {
    names = barriers_.size();
    is_new = barriers_.find(name) == nullptr;
  } else if (kind == Kind::queue) {
    names = queues_.size();
    is_new = queues_.find(Queues::queue_of(name)) == nullptr;
  } else {
    names = permits_of(kind).size();
    is_new = permits_of(kind).find(name) == nullptr;
  }
  if (is_new && names >= settings_.most_names)
    return "there are " + std::to_string(names) + " " + to_text(kind) + "s in use, the most there may be";
  return {};
}

Claim Synchronisation::claim_of(const Asked& asked, Kind kind, const std::string& name, sync::Duration patience,
                                sync::Duration lease) const {
  return {.kind = kind,
          .name = name,
          .holder = asked.holder,
          .client = asked.holder.client,
          .request = asked.request,
          .until = patience >= sync::for_ever ? never : now_ + std::max(patience, sync::Duration(0)),
          .lease = lease};
}

bool Synchronisation::may_end(const Asked& asked, const Claim& claim) const {
  const Holder& owner = claim.holder;
  if (owner.client && owner.client == asked.holder.client) return true;
  if (owner.task && owner.task == asked.holder.task && owner.attempt == asked.holder.attempt) return true;
  return !owner.client && !owner.task;  // It outlives everybody: who knows the token may.
}

// --- locks and semaphores --------------------------------------------------------------------------------------------

void Synchronisation::on(const Asked& asked, const sync::Acquire& acquire) {
  if (acquire.kind != Kind::lock && acquire.kind != Kind::semaphore)
    return refuse(asked, "only locks and semaphores are acquired");
  if (auto flaw = flaw_of_name(acquire.kind, acquire.name); !flaw.empty()) return refuse(asked, std::move(flaw));
  if (auto flaw = flaw_of_lease(acquire.lease); !flaw.empty()) return refuse(asked, std::move(flaw));
  const std::uint32_t capacity = acquire.kind == Kind::lock ? 1 : acquire.capacity;
  const std::string what = named(acquire.kind, acquire.name);
  if (acquire.permits == 0 || acquire.permits > capacity)
    return refuse(asked, what + " has " + std::to_string(capacity) + " permits, " + std::to_string(acquire.permits) +
                             " were asked for");
  Permits& permits = permits_of(acquire.kind);
  const Permits::Pool* pool = permits.find(acquire.name);
  if (pool != nullptr && pool->capacity != capacity)
    return refuse(asked, what + " has " + std::to_string(pool->capacity) + " permits while it is in use, " +
                             std::to_string(capacity) + " were asked for");
  if (acquire.held != 0) return claim_again(asked, acquire);

  Claim claim = claim_of(asked, acquire.kind, acquire.name, acquire.patience, acquire.lease);
  claim.permits = acquire.permits;
  const sync::Token token = claims_.add(std::move(claim));
  permits.join(acquire.name, capacity, token);
  serve_permits(acquire.kind, acquire.name);
  if (acquire.patience <= sync::Duration(0) && !claims_.at(token).is_held) end(token, Ending::lost);
}

void Synchronisation::claim_again(const Asked& asked, const sync::Acquire& acquire) {
  const std::uint32_t capacity = acquire.kind == Kind::lock ? 1 : acquire.capacity;
  Permits& permits = permits_of(acquire.kind);
  const Permits::Pool* pool = permits.find(acquire.name);
  const std::uint32_t free = pool == nullptr ? capacity : pool->free;
  const bool is_possible = is_in_grace() && claims_.is_of_earlier_epoch(acquire.held) &&
                           claims_.find(acquire.held) == nullptr && acquire.permits <= free;
  if (!is_possible) return answer(asked, Outcome::lost, acquire.held);
  Claim claim = claim_of(asked, acquire.kind, acquire.name, acquire.lease, acquire.lease);
  claim.permits = acquire.permits;
  claims_.add(std::move(claim), acquire.held);
  permits.take(acquire.name, capacity, acquire.held, acquire.permits);
  grant(acquire.held);
}

void Synchronisation::on(const Asked& asked, const sync::Release& release) {
  const Claim* claim = claims_.find(release.token);
  if (claim == nullptr || !claim->is_held || !may_end(asked, *claim))
    return answer(asked, Outcome::lost, release.token);
  end(release.token, Ending::given_back);
  answer(asked, Outcome::done);
}

void Synchronisation::on(const Asked& asked, const sync::Renew& renew) {
  sync::Answer renewed{.request = asked.request, .outcome = Outcome::done};
  for (const sync::Token token : renew.tokens) {
    const Claim* claim = claims_.find(token);
    if (claim == nullptr || !claim->is_held || !may_end(asked, *claim)) {
      renewed.lost.push_back(token);
    } else if (claim->until != never) {
      claims_.set_until(token, now_ + claim->lease);
    }
  }
  send_answer(asked.holder.client, std::move(renewed));
}

void Synchronisation::on(const Asked& asked, const sync::GiveUp& give_up) {
  const sync::Token token = claims_.of_request(asked.holder.client, give_up.request);
  if (token != 0 && !claims_.at(token).is_held) end(token, Ending::lost);
  answer(asked, Outcome::done);
}

// --- barriers --------------------------------------------------------------------------------------------------------

void Synchronisation::on(const Asked& asked, const sync::Arrive& arrive) {
  if (auto flaw = flaw_of_name(Kind::barrier, arrive.name); !flaw.empty()) return refuse(asked, std::move(flaw));
  if (arrive.parties == 0 || arrive.parties > most_parties)
    return refuse(asked, "a barrier has 1 to " + std::to_string(most_parties) + " parties, " +
                             std::to_string(arrive.parties) + " were asked for");
  pass(barriers_.learn(arrive.name, arrive.passed));
  const std::uint64_t round = barriers_.round_after(arrive.name, arrive.passed);
  if (arrive.round != 0 && arrive.round < round) return answer(asked, Outcome::done, arrive.round);
  const Barriers::Barrier* barrier = barriers_.find(arrive.name);
  if (barrier != nullptr && !barrier->waiting.empty() && barrier->parties != arrive.parties)
    return refuse(asked, named(Kind::barrier, arrive.name) + " has " + std::to_string(barrier->parties) +
                             " parties in this round, " + std::to_string(arrive.parties) + " were asked for");
  Claim claim = claim_of(asked, Kind::barrier, arrive.name, arrive.patience, sync::Duration(0));
  claim.number = round;
  const sync::Token token = claims_.add(std::move(claim));
  const auto all = barriers_.arrive(arrive.name, arrive.parties, round - 1, token);
  all.empty() ? answer_again(token) : pass(all);
}

void Synchronisation::on(const Asked& asked, const sync::Recall& recall) {
  if (auto flaw = flaw_of_name(Kind::barrier, recall.name); !flaw.empty()) return refuse(asked, std::move(flaw));
  pass(barriers_.learn(recall.name, recall.passed));
  answer(asked, Outcome::done);
}

// --- queues ----------------------------------------------------------------------------------------------------------

Queues::Queue& Synchronisation::make_queue(const std::string& name, sync::QueueOptions options, bool makes_durable) {
  options.durable = options.durable || makes_durable;
  Queues::Queue& queue = queues_.ensure(name, {.capacity = 0});
  // Whoever waits at an empty queue has no wishes.
  const bool is_in_use = !queue.openers.empty() || !queue.messages.empty();
  const bool is_new = queue.options.capacity == 0;
  if (!is_new && (is_in_use || (queue.options.durable && !options.durable))) return queue;
  const bool is_saved = !is_new && queue.options == options;
  queue.options = options;
  if (options.durable && !is_saved) out_.saves.emplace_back(SaveQueue{name, options});
  return queue;
}

void Synchronisation::on(const Asked& asked, const sync::OpenQueue& open) {
  if (auto flaw = flaw_of_name(Kind::queue, open.name); !flaw.empty()) return refuse(asked, std::move(flaw));
  if (Queues::is_dead_line(open.name))
    return refuse(asked, named(Kind::queue, open.name) + " holds the dead letters of another");
  if (open.options.capacity == 0 || open.options.capacity > most_capacity || open.options.max_deliveries == 0)
    return refuse(asked, "a queue takes 1 to " + std::to_string(most_capacity) +
                             " messages and delivers each once or more often");
  const Queues::Queue& queue = make_queue(open.name, open.options, asked.makes_durable);
  sync::QueueOptions wanted = open.options;
  wanted.durable = wanted.durable || asked.makes_durable || queue.options.durable;
  if (queue.options != wanted)
    return refuse(asked, named(Kind::queue, open.name) + " is in use with a capacity of " +
                             std::to_string(queue.options.capacity) + ", " +
                             std::to_string(queue.options.max_deliveries) + " deliveries, " +
                             (queue.options.durable ? "durable" : "not durable"));
  queues_.add_opener(open.name, asked.holder.client);
  answer(asked, Outcome::done);
}

void Synchronisation::on(const Asked& asked, const sync::Send& send) {
  if (auto flaw = flaw_of_name(Kind::queue, send.queue); !flaw.empty()) return refuse(asked, std::move(flaw));
  if (Queues::is_dead_line(send.queue))
    return refuse(asked, named(Kind::queue, send.queue) + " holds the dead letters of another: send to that");
  if (send.body.size() > settings_.most_body_bytes)
    return refuse(asked, "a message has at most " + std::to_string(settings_.most_body_bytes) + " bytes, " +
                             std::to_string(send.body.size()) + " were found");
  if (sent_before_.contains({asked.holder.client, asked.request})) return answer(asked, Outcome::done);
  const Queues::Queue& queue = make_queue(send.queue, {}, asked.makes_durable || send.durable);
  if (send.durable && !queue.options.durable)
    return refuse(asked, named(Kind::queue, send.queue) + " is in use, and is not durable");
  if ((queue.messages.size() >= queue.options.capacity && settings_.planted != Planted::queue_without_a_limit) ||
      queues_.bytes() + send.body.size() > settings_.most_queued_bytes) {
    forget_if_unused(send.queue);
    return answer(asked, Outcome::full);
  }
  const std::uint64_t number = claims_.draw();
  StoredMessage message{.body = send.body, .sender = asked.holder.client, .request = asked.request};
  if (queue.options.durable) save(send.queue, number, &message);
  queues_.put(send.queue, number, std::move(message));
  answer(asked, Outcome::done);
  serve_line(send.queue);
}

void Synchronisation::on(const Asked& asked, const sync::Receive& receive) {
  if (auto flaw = flaw_of_name(Kind::queue, receive.queue); !flaw.empty()) return refuse(asked, std::move(flaw));
  if (auto flaw = flaw_of_lease(receive.lease); !flaw.empty()) return refuse(asked, std::move(flaw));
  if (receive.held != 0) return claim_again(asked, receive);
  const bool is_there = queues_.find(Queues::queue_of(receive.queue)) != nullptr;
  if (!is_there && receive.patience <= sync::Duration(0)) return answer(asked, Outcome::timed_out);
  make_queue(Queues::queue_of(receive.queue), {}, asked.makes_durable);
  Claim claim = claim_of(asked, Kind::queue, receive.queue, receive.patience, receive.lease);
  if (receive.outlives_client) claim.holder.client = {};
  const sync::Token token = claims_.add(std::move(claim));
  queues_.wait(receive.queue, token);
  serve_line(receive.queue);
  if (receive.patience <= sync::Duration(0) && !claims_.at(token).is_held) end(token, Ending::lost);
}

void Synchronisation::claim_again(const Asked& asked, const sync::Receive& receive) {
  const bool is_possible = is_in_grace() && claims_.is_of_earlier_epoch(receive.held) &&
                           claims_.find(receive.held) == nullptr &&
                           queues_.deliver(receive.queue, receive.message, receive.held);
  if (!is_possible) return answer(asked, Outcome::lost, receive.held);
  Claim claim = claim_of(asked, Kind::queue, receive.queue, receive.lease, receive.lease);
  if (receive.outlives_client) claim.holder.client = {};
  claim.number = receive.message;
  claims_.add(std::move(claim), receive.held);
  grant(receive.held);
}

void Synchronisation::on(const Asked& asked, const sync::Acknowledge& acknowledge) {
  const Claim* claim = claims_.find(acknowledge.token);
  const bool is_held = claim != nullptr && claim->is_held && claim->kind == Kind::queue && may_end(asked, *claim);
  if (!is_held || claim->name != acknowledge.queue) return answer(asked, Outcome::lost, acknowledge.token);
  end(acknowledge.token, Ending::acknowledged);
  answer(asked, Outcome::done);
}

}  // namespace troupe::scheduler
