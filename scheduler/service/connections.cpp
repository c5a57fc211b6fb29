#include "scheduler/service/connections.h"

namespace troupe::scheduler {
namespace {

template <class Table, class Key, class Value>
void put(Table& table, const Key& key, const Value& value, std::size_t most) {
  if (table.size() < most || table.contains(key)) table[key] = value;
}

template <class Table>
const PeerId* peer_in(const Table& table, const typename Table::key_type& key) {
  const auto place = table.find(key);
  return place == table.end() ? nullptr : &place->second.peer;
}

}  // namespace

void Connections::heard(NodeId node, PeerId from, Time now) { put(nodes_, node, Place{from, now}, limits_.most_nodes); }

void Connections::heard(DriverId driver, PeerId from, Time now) {
  put(drivers_, driver, Place{from, now}, limits_.most_drivers);
  put(driver_at_, from, Login{driver, now}, 2 * limits_.most_drivers);  // The connections before these too.
}

void Connections::left(PeerId driver) {
  const auto login = driver_at_.find(driver);
  if (login == driver_at_.end()) return;
  drivers_.erase(login->second.driver);
  driver_at_.erase(login);
}

std::vector<DriverId> Connections::take_gone(Time now, Time patience, const std::function<bool(PeerId)>& is_gone) {
  std::vector<DriverId> gone;
  const Time since = now - looked_for_gone_;
  if (since < patience / 4) return gone;
  looked_for_gone_ = now;
  if (since > 2 * patience)
    return gone;  // It was stopped itself: who came by another one meanwhile is yet to be heard.
  for (const auto& [driver, place] : drivers_)
    if (now - place.heard > patience && is_gone(place.peer)) gone.push_back(driver);
  for (const DriverId driver : gone) left(drivers_.at(driver).peer);
  return gone;
}

void Connections::forget_silent(Time now) {
  const Time since = now - looked_;
  if (since < limits_.longest_silence / 4) return;
  looked_ = now;
  if (since > limits_.longest_silence / 2)
    return;  // It was stopped itself: what they said meanwhile is yet to be read.
  const auto is_silent = [&](const auto& entry) { return now - entry.second.heard > limits_.longest_silence; };
  std::erase_if(nodes_, is_silent);
  std::erase_if(drivers_, is_silent);
  std::erase_if(driver_at_, is_silent);
}

DriverId Connections::driver_at(PeerId peer) const {
  const auto login = driver_at_.find(peer);
  return login == driver_at_.end() ? DriverId{} : login->second.driver;
}

const PeerId* Connections::peer_of(const std::variant<NodeId, DriverId>& to) const {
  if (const auto* node = std::get_if<NodeId>(&to)) return peer_in(nodes_, *node);
  return peer_in(drivers_, std::get<DriverId>(to));
}

}  // namespace troupe::scheduler
