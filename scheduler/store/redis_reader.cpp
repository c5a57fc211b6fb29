#include "scheduler/store/redis_reader.h"

#include <hiredis/read.h>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

using Kind = RedisParts::Kind;

constexpr std::size_t most_elements = 1u << 26;  // Of a graph with as many tasks as there can be: far fewer.

// What hiredis calls for each part, in the order in which they come. It keeps what they return as the part's name: its
// place, counted from 1, for none may be null.

void* name_of(std::size_t place) { return reinterpret_cast<void*>(place + 1); }
std::size_t place_of(const void* name) { return reinterpret_cast<std::size_t>(name) - 1; }

void* put(const redisReadTask* task, RedisParts::Part part) {
  RedisParts& made = *static_cast<RedisParts*>(task->privdata);
  std::size_t place = 0;
  if (task->parent == nullptr) {
    made.parts.push_back(part);
  } else {
    place = made.parts[place_of(task->parent->obj)].begin + static_cast<std::size_t>(task->idx);
    made.parts[place] = part;
  }
  return name_of(place);
}

void* put_text(const redisReadTask* task, char* text, std::size_t size) {
  std::string& bytes = static_cast<RedisParts*>(task->privdata)->bytes;
  const std::size_t begin = bytes.size();
  bytes.append(text, size);
  return put(task, {begin, size, task->type == REDIS_REPLY_ERROR ? Kind::error : Kind::text});
}

// hiredis counts elements in an int or in a size_t, as its version is.
template <class Count>
void* put_array(const redisReadTask* task, Count count) {
  const auto size = static_cast<std::size_t>(count);
  if (size > most_elements) return nullptr;  // Which hiredis takes for a lack of memory.
  auto& parts = static_cast<RedisParts*>(task->privdata)->parts;
  void* const name = put(task, {0, size, Kind::array});
  parts[place_of(name)].begin = parts.size();
  parts.resize(parts.size() + size);
  return name;
}

void* put_number(const redisReadTask* task, long long number) {
  return put(task, {.size = number > 0 ? static_cast<std::size_t>(number) : 0, .kind = Kind::number});
}
void* put_nil(const redisReadTask* task) { return put(task, {}); }
void keep(void* /*part*/) {}

redisReplyObjectFunctions* functions() {
  static redisReplyObjectFunctions made = [] {
    redisReplyObjectFunctions each{};
    each.createString = put_text;
    each.createArray = put_array;
    each.createInteger = put_number;
    each.createNil = put_nil;
    each.freeObject = keep;
    return each;
  }();
  return &made;
}

}  // namespace

std::string_view RedisValue::text() const {
  if (!is_text() && !is_error()) return {};
  return std::string_view(all_->bytes).substr(part().begin, part().size);
}

RedisValue RedisValue::operator[](std::size_t index) const {
  TROUPE_CHECK(index < size(), "an element of a reply lies within it");
  return {all_, part().begin + index};
}

void RedisReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisReader::RedisReader()
    : made_(std::make_unique<RedisParts>()), reader_(redisReaderCreateWithFunctions(functions())) {
  reader_->privdata = made_.get();
}

void RedisReader::feed(std::string_view bytes) { redisReaderFeed(reader_.get(), bytes.data(), bytes.size()); }

std::optional<RedisReply> RedisReader::next() {
  void* name = nullptr;
  if (redisReaderGetReply(reader_.get(), &name) != REDIS_OK || name == nullptr) return std::nullopt;
  RedisReply reply(std::move(made_));
  made_ = std::make_unique<RedisParts>();
  reader_->privdata = made_.get();
  return reply;
}

std::string RedisReader::flaw() const { return reader_->errstr; }

}  // namespace troupe::scheduler
