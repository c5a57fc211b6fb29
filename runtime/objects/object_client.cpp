#include "runtime/objects/object_client.h"

#include <set>

#include "runtime/objects/store_connection.h"

namespace troupe {

ObjectHold::~ObjectHold() { store_->drop(object_); }

bool ObjectHold::is_lost() const { return store_->is_broken(); }
bool ObjectHold::is_known_lost() const { return store_->is_known_broken(); }

std::shared_ptr<StoreConnection> ObjectClient::connection_to(const std::string& store) {
  const std::lock_guard lock(mutex_);
  auto& connection = connections_[store];
  if (connection == nullptr || connection->is_broken()) connection = std::make_shared<StoreConnection>(store);
  return connection;
}

std::string ObjectClient::own_store() {
  const std::lock_guard lock(mutex_);
  const auto connection = connections_.find(last_own_store_);
  if (connection == connections_.end() || connection->second->is_broken()) last_own_store_ = own_store_();
  return last_own_store_;
}

Result<ObjectClient::Put> ObjectClient::put(std::string_view head, std::string_view body, For whom) {
  const std::string own = own_store();
  if (own.empty()) return Error{Fault::peer_lost, "no node of the cluster on this machine keeps objects"};
  const auto store = connection_to(own);
  const auto object = store->put(head, body, whom);
  if (!object) return object.error();
  Put put{{*object, own, head.size() + body.size()}, nullptr};
  if (whom == For::self) put.hold = std::make_shared<const ObjectHold>(store, *object);
  return put;
}

std::shared_ptr<const ObjectHold> ObjectClient::hold(const StoredObject& object, bool takes_over) {
  const auto store = connection_to(object.store);
  store->hold(object.id, takes_over);
  return std::make_shared<const ObjectHold>(store, object.id);
}

void ObjectClient::leave(const StoredObject& object) { connection_to(object.store)->leave(object.id); }

Result<void> ObjectClient::confirm(std::span<const std::shared_ptr<const ObjectHold>> holds) {
  std::set<StoreConnection*> stores;
  for (const auto& hold : holds) stores.insert(hold->store_.get());
  for (StoreConnection* store : stores)
    if (auto confirmed = store->confirm(); !confirmed && confirmed.error().fault != Fault::peer_lost) return confirmed;
  return {};
}

Result<Payload> ObjectClient::open(const StoredObject& object) { return connection_to(object.store)->open(object.id); }

Result<std::vector<ObjectSummary>> ObjectClient::list(const std::string& store) { return connection_to(store)->list(); }

void ObjectClient::look_after() {
  const std::lock_guard lock(mutex_);
  for (auto& [socket, connection] : connections_) connection->look_after();
}

}  // namespace troupe
