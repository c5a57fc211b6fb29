#include "runtime/objects/store_core.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace troupe::object_store {
namespace {

constexpr std::size_t most_listed = 256;  // In one go.

Error broken_rule(const char* what) { return {Fault::corrupt, std::string("a process asks its object store ") + what}; }

}  // namespace

Result<std::vector<Reply>> StoreCore::take(Time now, ClientNumber number, const Request& request,
                                           SegmentNumber segment) {
  now_ = std::max(now_, now);
  const auto found = clients_.find(number);
  TROUPE_CHECK(found != clients_.end(), "who asks has come before");
  Client& client = found->second;
  if (request.version != protocol_version) return broken_rule("in another version of the protocol");
  if (segment != 0 && request.verb != Verb::put) return broken_rule("to take memory without putting anything");
  Result<void> done;
  switch (request.verb) {
    case Verb::reserve: done = reserve(number, client, request); break;
    case Verb::give_back:
      if (request.capacity > client.reserved) return broken_rule("to take back more than it gave");
      client.reserved -= request.capacity;
      used_ -= request.capacity;
      break;
    case Verb::put: done = put(number, client, request, segment); break;
    case Verb::hold:
    case Verb::take_over:
    case Verb::leave:
    case Verb::drop:
    case Verb::open:
    case Verb::close:
      if (!is_on_its_way(number, request.object)) {
        ask_of_object(number, request);
      } else if (client.early < settings_.most_early) {
        ++client.early;
        early_[request.object].push_back({number, request});
      } else {
        done = broken_rule("for too much of what is not there yet");
      }
      break;
    case Verb::list: list(number, request); break;
    default: done = broken_rule("for something unknown");
  }
  if (!done) {
    replies_.clear();
    return done.error();
  }
  return std::exchange(replies_, {});
}

Result<void> StoreCore::reserve(ClientNumber number, Client& client, const Request& request) {
  if (client.half == 0 && request.object.high != 0 && writers_.try_emplace(request.object.high, number).second)
    client.half = request.object.high;
  if (client.half == 0 || client.half != request.object.high) return broken_rule("for ids that are not its own");
  if (request.capacity == 0 || request.capacity > settings_.limit_bytes || !make_room(request.capacity)) {
    refuse(number, request);
  } else {
    client.reserved += request.capacity;
    used_ += request.capacity;
    tell(number, {.outcome = Outcome::granted, .number = request.number, .capacity = request.capacity});
  }
  return {};
}

Result<void> StoreCore::put(ClientNumber number, Client& client, const Request& request, SegmentNumber segment) {
  if (request.object.high != client.half || request.object.low <= client.last_put || objects_.contains(request.object))
    return broken_rule("to keep an object by a used name");
  if (request.value_at < sizeof(SegmentHead) || request.value_at > body_at || request.capacity < body_at ||
      request.bytes > request.capacity - request.value_at)
    return broken_rule("to keep an object that is larger than its segment");
  const auto written = client.written.find(request.segment);
  if (segment != 0) {
    if (written != client.written.end() || request.segment == 0) return broken_rule("for a segment by a used name");
    if (request.capacity > client.reserved) return broken_rule("to keep more than it reserved");
    client.reserved -= request.capacity;
    const bool is_kept = request.is_let_go == 0;
    if (is_kept) client.written.emplace(request.segment, segment);
    segments_[segment] = {request.capacity, is_kept ? number : 0, request.segment, std::nullopt};
  } else {
    if (written == client.written.end()) return broken_rule("for a segment that is not its own");
    segment = written->second;
    Segment& again = segments_.at(segment);
    if (!again.spare_since || again.capacity != request.capacity)
      return broken_rule("to keep an object in a segment that is in use");
    spares_.erase({*again.spare_since, segment});
    again.spare_since.reset();
    spare_ -= again.capacity;
    --client.spares;
  }
  Object object{.bytes = request.bytes, .value_at = request.value_at, .segment = segment, .last_used = ++uses_};
  if (request.is_for_other != 0) {
    set_unclaimed(request.object, object, 1);
  } else {
    object.held = 1;
    client.held[request.object] = 1;
  }
  idle_.insert({object.last_used, request.object});
  objects_.emplace(request.object, object);
  client.last_put = request.object.low;
  answer_early(request.object);
  return {};
}

/// Its writer's put has not been read yet. To the writer itself it is never so: its messages come in order. What is
/// there was put by an earlier one, whose ids somebody uses again.
bool StoreCore::is_on_its_way(ClientNumber asker, ObjectId id) const {
  const auto writer = writers_.find(id.high);
  return writer != writers_.end() && writer->second != asker && id.low > clients_.at(writer->second).last_put &&
         !objects_.contains(id);
}

/// What was asked of an object before it was there, now that it is there or will never be.
void StoreCore::answer_early(ObjectId id) {
  const auto early = early_.extract(id);
  if (early.empty()) return;
  for (const auto& [from, request] : early.mapped()) {
    --clients_.at(from).early;
    ask_of_object(from, request);
  }
}

void StoreCore::forget_early(ClientNumber number) {
  for (auto at = early_.begin(); at != early_.end();) {
    std::erase_if(at->second, [number](const Early& early) { return early.from == number; });
    at = at->second.empty() ? early_.erase(at) : std::next(at);
  }
}

void StoreCore::ask_of_object(ClientNumber number, const Request& request) {
  Client& client = clients_.at(number);
  switch (request.verb) {
    case Verb::hold: return hold(client, request.object, false);
    case Verb::take_over: return hold(client, request.object, true);
    case Verb::leave: return leave(request.object);
    case Verb::open: return open(number, client, request);
    case Verb::drop:
    case Verb::close: return let_go(client, request.verb, request.object);
    default: TROUPE_CHECK(false, "only these are of an object");
  }
}

void StoreCore::open(ClientNumber number, Client& client, const Request& request) {
  const auto found = objects_.find(request.object);
  if (found == objects_.end()) return tell(number, {.outcome = Outcome::lost, .number = request.number});
  Object& object = found->second;
  if (object.segment == 0) {
    const auto restored = restore(request.object, object);
    if (!restored && restored.error().fault == Fault::corrupt)
      return tell(number, {.outcome = Outcome::lost, .number = request.number});
    if (!restored) return refuse(number, request);
  }
  idle_.erase({object.last_used, request.object});
  ++object.opened;
  ++client.opened[request.object];
  object.last_used = ++uses_;
  const Segment& segment = segments_.at(object.segment);
  const bool is_own = segment.writer == number;
  tell(number,
       {.outcome = Outcome::opened,
        .value_at = object.value_at,
        .number = request.number,
        .segment = is_own ? segment.writers_number : 0,
        .capacity = segment.capacity,
        .bytes = object.bytes},
       is_own ? 0 : object.segment);
}

void StoreCore::list(ClientNumber number, const Request& request) {
  auto next = objects_.upper_bound(request.object);
  for (std::size_t told = 0; told < most_listed && next != objects_.end(); ++told, ++next) {
    const auto& [id, object] = *next;
    tell(number, {.outcome = Outcome::entry,
                  .number = request.number,
                  .bytes = object.bytes,
                  .used = object.segment == 0 ? 0 : segments_.at(object.segment).capacity,
                  .object = id,
                  .held = object.held,
                  .opened = object.opened});
  }
  tell(number, {.outcome = Outcome::end, .number = request.number, .held = next == objects_.end() ? 0u : 1u});
}

void StoreCore::hold(Client& client, ObjectId id, bool takes_over) {
  const auto object = objects_.find(id);
  if (object == objects_.end()) return;  // Whoever opens it will hear that it is lost.
  ++object->second.held;
  ++client.held[id];
  if (takes_over) set_unclaimed(id, object->second, object->second.unclaimed - 1);
}

void StoreCore::leave(ObjectId id) {
  const auto object = objects_.find(id);
  if (object != objects_.end()) set_unclaimed(id, object->second, object->second.unclaimed + 1);
}

/// From now on for as long as one that is put.
void StoreCore::set_unclaimed(ObjectId id, Object& object, std::int32_t times) {
  if (object.unclaimed_until) unclaimed_.erase({*object.unclaimed_until, id});
  object.unclaimed_until.reset();
  object.unclaimed = times;
  if (times == 0) return;
  object.unclaimed_until = now_ + settings_.unclaimed_limit;
  unclaimed_.insert({*object.unclaimed_until, id});
}

/// Of what it never had nothing is taken.
void StoreCore::let_go(Client& client, Verb verb, ObjectId id) {
  auto& counts = verb == Verb::drop ? client.held : client.opened;
  const auto count = counts.find(id);
  if (count == counts.end()) return;
  if (--count->second == 0) counts.erase(count);
  const auto object = objects_.find(id);
  --(verb == Verb::drop ? object->second.held : object->second.opened);
  look_after(object);
}

std::vector<Reply> StoreCore::client_gone(ClientNumber number) {
  const auto client = clients_.extract(number);
  TROUPE_CHECK(!client.empty(), "who goes has come before");
  used_ -= client.mapped().reserved;
  if (client.mapped().early > 0) forget_early(number);
  if (writers_.erase(client.mapped().half) > 0)
    for (auto at = early_.lower_bound({client.mapped().half, 0});
         at != early_.end() && at->first.high == client.mapped().half;
         at = early_.lower_bound({client.mapped().half, 0}))
      answer_early(at->first);
  for (const auto& [own, segment] : client.mapped().written) {
    Segment& left = segments_.at(segment);
    left.writer = 0;
    if (left.spare_since) drop_segment(segment);
  }
  for (const auto& [id, count] : client.mapped().opened) {
    const auto object = objects_.find(id);
    object->second.opened -= count;
    if (!client.mapped().held.contains(id)) look_after(object);
  }
  for (const auto& [id, count] : client.mapped().held) {
    const auto object = objects_.find(id);
    object->second.held -= count;
    look_after(object);
  }
  return std::exchange(replies_, {});
}

std::vector<Reply> StoreCore::tick(Time now) {
  now_ = std::max(now_, now);
  while (!unclaimed_.empty() && unclaimed_.begin()->first <= now_) {
    const auto object = objects_.find(unclaimed_.begin()->second);
    unclaimed_.erase(unclaimed_.begin());
    object->second.unclaimed_until.reset();
    object->second.unclaimed = 0;
    look_after(object);
  }
  while (!spares_.empty() && spares_.begin()->first + settings_.spare_limit <= now_) take_away(spares_.begin()->second);
  return std::exchange(replies_, {});
}

Time StoreCore::next_deadline() const {
  Time next = Time::max();
  if (!unclaimed_.empty()) next = unclaimed_.begin()->first;
  if (!spares_.empty()) next = std::min(next, spares_.begin()->first + settings_.spare_limit);
  return next;
}

Usage StoreCore::usage() const {
  Usage usage{.objects = objects_.size(), .used_bytes = used_, .spare_bytes = spare_};
  for (const auto& [id, object] : objects_) usage.on_disk += object.segment == 0 ? 1 : 0;
  return usage;
}

/// After its counts have changed: it may be gone, or idle.
void StoreCore::look_after(Objects::iterator found) {
  const auto& [id, object] = *found;
  if (object.opened > 0) return;
  if (object.held > 0 || object.unclaimed > 0) {
    if (object.segment != 0) idle_.insert({object.last_used, id});
    return;
  }
  if (object.unclaimed_until) unclaimed_.erase({*object.unclaimed_until, id});
  if (object.is_on_disk) shelf_.remove_from_disk(id);
  if (const SegmentNumber number = object.segment; number != 0) {
    idle_.erase({object.last_used, id});
    Segment& segment = segments_.at(number);
    const auto writer = clients_.find(segment.writer);
    if (writer != clients_.end() && writer->second.spares < settings_.most_spares) {
      ++writer->second.spares;
      segment.spare_since = now_;
      spares_.insert({now_, number});
      spare_ += segment.capacity;
      shelf_.offer(number);
      tell(segment.writer, {.outcome = Outcome::spare, .segment = segment.writers_number});
    } else {
      drop_segment(number);
    }
  }
  objects_.erase(found);
}

/// Nothing refers to it any more.
void StoreCore::drop_segment(SegmentNumber number) {
  const auto found = segments_.extract(number);
  const Segment& segment = found.mapped();
  if (segment.spare_since) {
    spares_.erase({*segment.spare_since, number});
    spare_ -= segment.capacity;
  }
  used_ -= segment.capacity;
  shelf_.remove(number);
  const auto writer = clients_.find(segment.writer);
  if (writer == clients_.end()) return;
  writer->second.written.erase(segment.writers_number);
  tell(segment.writer, {.outcome = Outcome::gone, .segment = segment.writers_number});
}

bool StoreCore::make_room(std::uint64_t bytes) {
  if (objects_.size() >= settings_.most_objects) return false;
  while (used_ + bytes > settings_.limit_bytes || segments_.size() >= settings_.most_segments)
    if (!take_away_a_spare() && !spill_one()) return false;
  return true;
}

/// False: its writer was faster. It is in use, and its put on the way.
bool StoreCore::take_away(SegmentNumber number) {
  Segment& segment = segments_.at(number);
  spares_.erase({*segment.spare_since, number});
  if (!shelf_.take_away_spare(number)) {
    segment.spare_since = now_;
    spares_.insert({now_, number});
    return false;
  }
  Client& writer = clients_.at(segment.writer);
  --writer.spares;
  writer.written.erase(segment.writers_number);
  used_ -= segment.capacity;
  spare_ -= segment.capacity;
  tell(segment.writer, {.outcome = Outcome::gone, .segment = segment.writers_number});
  segments_.erase(number);
  return true;
}

/// The oldest that is to be had. False: there is none.
bool StoreCore::take_away_a_spare() {
  for (std::size_t left = spares_.size(); left > 0; --left)
    if (take_away(spares_.begin()->second)) return true;
  return false;
}

/// The object that was not used for longest goes to disk. False: there is none, or the disk takes no more.
bool StoreCore::spill_one() {
  if (idle_.empty()) return false;
  const ObjectId id = idle_.begin()->second;
  Object& object = objects_.at(id);
  if (!object.is_on_disk && !shelf_.spill(id, object.segment, object.value_at + object.bytes)) return false;
  object.is_on_disk = true;
  idle_.erase(idle_.begin());
  drop_segment(std::exchange(object.segment, 0));
  return true;
}

Result<void> StoreCore::restore(ObjectId id, Object& object) {
  const std::uint64_t capacity = segment_bytes(object.bytes);
  if (!make_room(capacity)) return Error{Fault::unavailable, "there is no room"};
  const auto segment = shelf_.restore(id, capacity);
  if (!segment) return segment.error();
  object.segment = *segment;
  segments_[*segment] = {.capacity = capacity};
  used_ += capacity;
  return {};
}

void StoreCore::refuse(ClientNumber to, const Request& request) {
  std::uint64_t idle_bytes = 0;
  for (const auto& [used, id] : idle_) idle_bytes += segments_.at(objects_.at(id).segment).capacity;
  tell(to, {.outcome = Outcome::refused,
            .number = request.number,
            .capacity = request.capacity,
            .used = used_,
            .in_use = used_ - spare_ - idle_bytes,
            .limit = settings_.limit_bytes});
}

}  // namespace troupe::object_store
