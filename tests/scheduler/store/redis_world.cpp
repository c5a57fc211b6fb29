#include "scheduler/store/redis_task_store.h"
#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/store_support.h"
#include "tests/scheduler/store/world.h"

namespace troupe::scheduler::test {

namespace {

class RedisWorld final : public World {
 public:
  RedisWorld() { start(); }

  std::unique_ptr<TaskStore> store(std::optional<StoreAge> seen) override {
    RedisStoreOptions options{.socket = server_->socket()};
    if (seen) options.seen = [seen] { return *seen; };
    return std::make_unique<RedisTaskStore>(options);
  }
  void copy_disk() override {
    server_.reset();
    std::filesystem::copy(store_folder(), folder_.path() + "/copy", std::filesystem::copy_options::recursive);
    start();
  }
  void put_copy_back() override {
    server_.reset();
    std::filesystem::remove_all(store_folder());
    std::filesystem::rename(folder_.path() + "/copy", store_folder());
    start();
  }

 private:
  std::string store_folder() const { return folder_.path() + "/store"; }
  void start() {
    auto server = RedisServer::start_and_wait({.folder = store_folder()});
    if (!server) FAIL(server.error().message);
    server_.emplace(std::move(*server));
  }

  Folder folder_;
  std::optional<RedisServer> server_;
};

}  // namespace

std::unique_ptr<World> new_world() { return std::make_unique<RedisWorld>(); }

}  // namespace troupe::scheduler::test
