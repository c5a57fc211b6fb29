// The object store as processes use it: real sockets, memory and files; the processes are clients in this one.
#include "runtime/objects/object_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>

#include "runtime/objects/object_client.h"
#include "tests/support/folder.h"

namespace troupe {
namespace {

constexpr std::size_t mib = 1u << 20;

struct Node {
  explicit Node(std::uint64_t limit = 64 * mib) : store(start(limit)) {}
  ObjectStore start(std::uint64_t limit) {
    auto started = ObjectStore::start({socket, limit, folder.file("spilled")});
    REQUIRE(started);
    return std::move(*started);
  }
  ObjectClient client() const {
    return ObjectClient([path = socket] { return path; });
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.file("spilled")), {}));
  }

  test::Folder folder;
  std::string socket = folder.file("n.sock.objects");
  ObjectStore store;
};

std::string numbers(std::size_t bytes, char begin) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(begin + static_cast<char>(i % 91));
  return text;
}

/// Until the store has taken in what this client said before: it answers in order.
void settle(ObjectClient& client, const Node& node) { CHECK_FALSE(client.open({{1, 1}, node.socket, 0})); }

TEST_CASE("what one process puts, another reads, without a copy, aligned") {
  Node node;
  ObjectClient writer = node.client();
  ObjectClient reader = node.client();
  const std::string body = numbers(3 * mib, 'a');
  const auto put = writer.put("head", body, ObjectClient::For::self);
  REQUIRE(put);
  CHECK(put->object.bytes == 4 + body.size());
  const auto seen = reader.open(put->object);
  REQUIRE(seen);
  CHECK(seen->bytes == "head" + body);
  CHECK(reinterpret_cast<std::uintptr_t>(seen->bytes.data() + 4) % 64 == 0);
  // Looked at twice it is the same memory.
  const auto again = reader.open(put->object);
  REQUIRE(again);
  CHECK(again->bytes.data() == seen->bytes.data());
  // Its writer sees it too.
  const auto own = writer.open(put->object);
  REQUIRE(own);
  CHECK(own->bytes == seen->bytes);
}

TEST_CASE("an object that nobody holds any more is gone, and its memory is written again") {
  Node node;
  ObjectClient writer = node.client();
  const std::string first = numbers(mib, 'a');
  auto put = writer.put({}, first, ObjectClient::For::self);
  REQUIRE(put);
  const StoredObject object = put->object;
  const void* where = nullptr;
  {
    const auto own = writer.open(object);
    REQUIRE(own);
    where = own->bytes.data();
  }
  put->hold.reset();
  const auto lost = writer.open(object);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().fault == Fault::peer_lost);
  const std::string second = numbers(mib, 'b');
  const auto next = writer.put({}, second, ObjectClient::For::self);
  REQUIRE(next);
  const auto own = writer.open(next->object);
  REQUIRE(own);
  CHECK(own->bytes == second);
  CHECK(own->bytes.data() == where);
}

TEST_CASE("who looks at an object keeps it as it is, whoever else lets go") {
  Node node;
  ObjectClient writer = node.client();
  ObjectClient reader = node.client();
  auto put = writer.put({}, numbers(mib, 'a'), ObjectClient::For::self);
  REQUIRE(put);
  const auto seen = reader.open(put->object);
  REQUIRE(seen);
  put->hold.reset();
  for (int i = 0; i < 8; ++i) REQUIRE(writer.put({}, numbers(mib, 'b'), ObjectClient::For::self));
  CHECK(seen->bytes == numbers(mib, 'a'));
}

TEST_CASE("a store lists what it has, where it lies and who wants it") {
  Node node(400 * mib);
  ObjectClient writer = node.client();
  ObjectClient reader = node.client();
  std::vector<ObjectClient::Put> puts;
  for (int i = 0; i < 300; ++i)
    puts.push_back(std::move(*writer.put("12", numbers(mib, 'a'), ObjectClient::For::self)));
  const auto seen = reader.open(puts[7].object);
  settle(writer, node);
  const auto all = reader.list(node.socket);
  REQUIRE(all);
  REQUIRE(all->size() == 300);
  for (std::size_t i = 0; i < 300; ++i) {
    const ObjectSummary& each = (*all)[i];
    CHECK(each.id == puts[i].object.id);
    CHECK(each.bytes == mib + 2);
    CHECK(each.memory_bytes > mib);
    CHECK(each.held == 1);
    CHECK(each.opened == (i == 7 ? 1 : 0));
  }
}

TEST_CASE("more than the memory goes to disk and comes back whole") {
  Node node(8 * mib);
  ObjectClient writer = node.client();
  ObjectClient reader = node.client();
  std::vector<ObjectClient::Put> puts;
  for (char i = 0; i < 20; ++i) {
    auto put = writer.put({}, numbers(mib, static_cast<char>('A' + i)), ObjectClient::For::self);
    REQUIRE(put);
    puts.push_back(std::move(*put));
  }
  CHECK(node.files() >= 12);
  for (char i = 0; i < 20; ++i) {
    const auto seen = reader.open(puts[static_cast<std::size_t>(i)].object);
    REQUIRE(seen);
    CHECK(seen->bytes == numbers(mib, static_cast<char>('A' + i)));
  }
  puts.clear();
  settle(writer, node);
  settle(reader, node);
  CHECK(node.files() == 0);
}

TEST_CASE("what the disk gives back otherwise than it was written is lost, not wrong") {
  Node node(4 * mib);
  ObjectClient client = node.client();
  std::vector<ObjectClient::Put> puts;
  for (char i = 0; i < 12; ++i)
    puts.push_back(std::move(*client.put({}, numbers(mib, static_cast<char>('A' + i)), ObjectClient::For::self)));
  settle(client, node);
  REQUIRE(node.files() >= 8);
  const auto path_of = [&](std::size_t i) {
    const ObjectId id = puts[i].object.id;
    return node.folder.file("spilled") + '/' + to_text(id.high) + to_text(id.low);
  };
  std::filesystem::resize_file(path_of(0), mib / 2);
  {
    std::fstream flipped(path_of(1), std::ios::in | std::ios::out | std::ios::binary);
    flipped.seekp(mib / 2).put('\x7f');
  }
  std::filesystem::remove(path_of(2));
  for (std::size_t i : {0, 1, 2}) {
    const auto seen = client.open(puts[i].object);
    REQUIRE_FALSE(seen);
    CHECK(seen.error().fault == Fault::peer_lost);
  }
  CHECK(client.open(puts[3].object)->bytes == numbers(mib, 'D'));
}

TEST_CASE("a store that is full of what is being looked at says so") {
  Node node(4 * mib);
  ObjectClient writer = node.client();
  std::vector<Payload> seen;
  std::vector<ObjectClient::Put> puts;
  for (int i = 0; i < 3; ++i) {
    puts.push_back(std::move(*writer.put({}, numbers(mib, 'a'), ObjectClient::For::self)));
    seen.push_back(*writer.open(puts.back().object));
  }
  const auto refused = writer.put({}, numbers(2 * mib, 'a'), ObjectClient::For::self);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::unavailable);
  CHECK(
      refused.error().message ==
      "the object store has no room for 2 MiB: 3 MiB of 4 MiB are taken, 3 MiB of them by what is being looked at; let "
      "go of some, or start the cluster with more");
  seen.clear();
  CHECK(writer.put({}, numbers(2 * mib, 'a'), ObjectClient::For::self));
}

TEST_CASE("what a process that is killed had put is gone, what it had handed over is not") {
  Node node;
  ObjectClient client = node.client();
  int handed[2];
  REQUIRE(::pipe(handed) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ObjectClient own = node.client();
    const auto kept = own.put({}, numbers(mib, 'k'), ObjectClient::For::self);
    const auto other = own.put({}, numbers(mib, 'o'), ObjectClient::For::other);
    if (!kept || !other || own.open({{1, 1}, node.socket, 0})) ::_exit(1);  // Asked, so the store has taken both.
    // The store tells that its memory is spare; nobody reads that.
    for (int i = 0; i < 4; ++i) own.put({}, numbers(mib, 's'), ObjectClient::For::self)->hold.reset();
    const auto last = own.put({}, numbers(mib, 'l'), ObjectClient::For::other);
    if (!last) ::_exit(1);
    const ObjectId ids[] = {kept->object.id, other->object.id, last->object.id};
    if (::write(handed[1], ids, sizeof ids) != sizeof ids) ::_exit(1);
    ::raise(SIGKILL);
  }
  ObjectId ids[3];
  REQUIRE(::read(handed[0], ids, sizeof ids) == sizeof ids);
  ::close(handed[0]);
  ::close(handed[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  const auto hold = client.hold({ids[1], node.socket, mib}, true);
  const auto other = client.open({ids[1], node.socket, mib});
  REQUIRE(other);
  CHECK(other->bytes == numbers(mib, 'o'));
  const auto last = client.open({ids[2], node.socket, mib});
  REQUIRE(last);
  CHECK(last->bytes == numbers(mib, 'l'));
  CHECK_FALSE(client.open({ids[0], node.socket, mib}));
}

TEST_CASE("a store that ends loses its objects, but not what is being looked at") {
  auto node = std::make_unique<Node>();
  ObjectClient client = node->client();
  const auto put = client.put({}, numbers(mib, 'a'), ObjectClient::For::self);
  REQUIRE(put);
  const auto other = node->client().put({}, numbers(mib, 'b'), ObjectClient::For::other);
  const auto seen = client.open(other->object);
  REQUIRE(seen);
  node.reset();
  CHECK(put->hold->is_lost());
  CHECK(client.open(put->object).error().fault == Fault::peer_lost);
  CHECK(client.put({}, numbers(mib, 'a'), ObjectClient::For::self).error().fault == Fault::peer_lost);
  CHECK(seen->bytes == numbers(mib, 'b'));
}

TEST_CASE("many threads of a process put and look at once") {
  Node node(32 * mib);
  ObjectClient client = node.client();
  std::vector<std::jthread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        const std::string body = numbers(mib / 2 + static_cast<std::size_t>(i * 1000), static_cast<char>('A' + thread));
        const auto put = client.put({}, body, ObjectClient::For::self);
        const auto seen = put ? client.open(put->object) : Result<Payload>(put.error());
        if (!seen || seen->bytes != body) ++wrong;
      }
    });
  threads.clear();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace troupe
