// What comes to the socket of an object store, as the bytes say: requests of any size, with and without descriptors,
// beside a process that keeps the rules and finds its objects again, those too that lay on disk meanwhile, unless
// somebody has damaged them there.
// Covers: runtime/objects/object_store.cpp runtime/objects/segment.cpp
#include "runtime/objects/object_store.h"

#include <sys/mman.h>

#include <cstring>
#include <filesystem>

#include "runtime/base/check.h"
#include "runtime/objects/object_messages.h"
#include "runtime/objects/store_connection.h"
#include "runtime/ring/local_socket.h"
#include "runtime/ring/shared_memory.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

using namespace object_store;

constexpr std::uint64_t limit = 6 * page_bytes;

class Scene {
 public:
  explicit Scene(std::string_view bytes) : tape_(bytes) {}

  void play() {
    while (!tape_.is_over()) step(tape_.byte());
    for (const auto& [object, text] : mine_) look_at(object, text);
    TROUPE_CHECK(honest_->list(), "who keeps the rules is still served");
  }

 private:
  void step(std::uint8_t what) {
    switch (what % 6) {
      case 0: odd_ = connect_local(socket_); break;
      case 1: ask_oddly(); break;
      case 2: put(tape_.byte()); break;
      case 3:
        if (!mine_.empty()) look_at(mine_.front().first, mine_.front().second);
        break;
      case 4:
        if (mine_.empty()) break;
        honest_->drop(mine_.front().first);
        mine_.erase(mine_.begin());
        break;
      case 5: damage_disk(); break;
    }
  }

  void ask_oddly() {
    Request request{.version = tape_.byte()};
    request.verb = static_cast<Verb>(tape_.byte());
    request.object = {tape_.byte(), tape_.byte()};
    request.segment = tape_.byte();
    request.capacity = page_bytes * tape_.byte();
    request.bytes = 100u * tape_.byte();
    request.value_at = tape_.byte();
    const std::uint8_t how = tape_.byte();
    request.is_for_other = how & 1;
    request.is_let_go = how & 2;
    if (!odd_) return;
    std::string message(reinterpret_cast<const char*>(&request), sizeof request);
    if ((how & 4) != 0) message.resize(tape_.byte());
    std::optional<SharedMemory> memory;
    if ((how & 8) != 0 && request.capacity > 0)
      if (auto made = SharedMemory::make(request.capacity + ((how & 16) != 0 ? page_bytes : 0)))
        memory.emplace(std::move(*made));
    const int handed[] = {memory ? memory->descriptor() : -1, memory ? memory->descriptor() : -1};
    send_message(*odd_, std::as_bytes(std::span(message)), std::span(handed, memory ? 1 + ((how & 32) != 0) : 0));
  }

  void put(std::uint8_t size) {
    const std::string text(100u * size, static_cast<char>(size));
    const auto object = honest_->put("head", text, ObjectClient::For::self);
    if (object) mine_.emplace_back(*object, "head" + text);
  }

  void look_at(ObjectId object, const std::string& text) {
    const auto seen = honest_->open(object);
    if (seen) TROUPE_CHECK(seen->bytes == text, "an object is as it was put");
    if (!seen) TROUPE_CHECK(is_damaged_ || seen.error().fault == Fault::unavailable, "it is there, or has no room");
  }

  void damage_disk() {
    is_damaged_ = true;
    const std::string bytes(tape_.take(tape_.byte()));
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (bytes.empty())
        std::filesystem::remove(entry.path());
      else
        write_file(entry.path().string(), bytes);
    }
  }

  Tape tape_;
  const std::string socket_ = folder_in_memory().file("n.objects");
  const std::string folder_ = folder_in_memory().file("spilled");
  Result<ObjectStore> store_ = ObjectStore::start({socket_, limit, folder_});
  std::shared_ptr<StoreConnection> honest_ = std::make_shared<StoreConnection>(socket_);
  Result<Descriptor> odd_ = connect_local(socket_);
  std::vector<std::pair<ObjectId, std::string>> mine_;
  bool is_damaged_ = false;
};

}  // namespace

void run(std::string_view bytes) { Scene(bytes.substr(0, 150)).play(); }

std::vector<std::string> seeds() {
  const auto ask = [](Verb verb, char object, char segment, char capacity, char how) {
    return std::string{'\1', protocol_version, static_cast<char>(verb), '\7', object, segment, capacity, '\1', '\xc0',
                       how};
  };
  const std::string rightly = ask(Verb::reserve, 0, 0, 1, 0) + ask(Verb::put, 1, 1, 1, 8) +
                              ask(Verb::open, 1, 0, 0, 0) + ask(Verb::list, 0, 0, 0, 0) + ask(Verb::close, 1, 0, 0, 0) +
                              ask(Verb::drop, 1, 0, 0, 0);
  std::string many;
  for (char size = 3; size < 10; ++size) many += {'\2', static_cast<char>(16 * size)};
  const std::string wrongly = ask(Verb::put, 1, 1, 1, 8) + std::string(1, '\0') + ask(Verb::reserve, 0, 0, 2, 0) +
                              ask(Verb::put, 1, 1, 2, 24) + std::string(1, '\0') + ask(Verb::open, 1, 0, 1, 4) + '\5' +
                              std::string(1, '\0') + ask(Verb::open, 1, 0, 1, 40);
  return {rightly + many + '\3' + '\4' + '\3' + '\4', many + "\5\3text\3\4\3",
          many + std::string("\5\0\3", 3) + wrongly};
}

}  // namespace troupe::fuzz
