// Makes replies of the bytes that come from Redis; hiredis tells their parts apart. A reply lies in two pieces of
// memory, however many parts it has: hiredis' own takes two for each part, which was a tenth of the time in which a
// scheduler loads a million tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct redisReader;

namespace troupe::scheduler {

/// All parts of a reply; the first is the whole of it.
struct RedisParts {
  enum class Kind : std::uint8_t { nil, number, text, error, array };
  struct Part {
    std::size_t begin = 0;  ///< Of a text: of its bytes; of an array: of its elements.
    std::size_t size = 0;   ///< Of a number: itself.
    Kind kind = Kind::nil;
  };
  std::vector<Part> parts;
  std::string bytes;
};

/// What Redis answered, or a part of it. Lives as long as its RedisReply.
class RedisValue {
 public:
  RedisValue(const RedisParts* all, std::size_t part) : all_(all), part_(part) {}

  bool is_nil() const { return part().kind == RedisParts::Kind::nil; }
  bool is_error() const { return part().kind == RedisParts::Kind::error; }
  bool is_text() const { return part().kind == RedisParts::Kind::text; }  ///< A string or a status.
  bool is_array() const { return part().kind == RedisParts::Kind::array; }

  /// Of a text or an error; empty otherwise.
  std::string_view text() const;
  /// Of a number that is not negative; 0 otherwise.
  std::size_t number() const { return part().kind == RedisParts::Kind::number ? part().size : 0; }
  /// Of an array; 0 otherwise.
  std::size_t size() const { return is_array() ? part().size : 0; }
  /// Requires: index < size().
  RedisValue operator[](std::size_t index) const;

 private:
  const RedisParts::Part& part() const { return all_->parts[part_]; }

  const RedisParts* all_;
  std::size_t part_;
};

class RedisReply : public RedisValue {
 public:
  explicit RedisReply(std::unique_ptr<const RedisParts> parts) : RedisValue(parts.get(), 0), parts_(std::move(parts)) {}

 private:
  std::unique_ptr<const RedisParts> parts_;
};

/// Threads: one thread.
class RedisReader {
 public:
  RedisReader();

  void feed(std::string_view bytes);
  /// The next reply that has come in whole.
  std::optional<RedisReply> next();
  /// Why there will be no more: what came is no reply. Empty: there will.
  std::string flaw() const;

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };

  std::unique_ptr<RedisParts> made_;  // So far, of the next reply.
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace troupe::scheduler
