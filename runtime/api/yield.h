// What a task that streams hands its results to, one by one (api/stream.h is the other end).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/api/context.h"
#include "runtime/api/value.h"

namespace troupe {

/// Results that were made and not taken yet. The task runs in a thread of its own, and waits while there are 1,024 of
/// them, or 1 MiB.
///
/// Results are numbered from 0. Who takes them says from which on: what he has is forgotten, and, by a task that was
/// started anew, made again and dropped.
class StreamSource {
 public:
  using Body = std::function<void(StreamSource&)>;

  /// Begins.
  StreamSource(Context& context, Body body);
  /// Waits for the task's thread, which is told to stop at its next result.
  ~StreamSource();
  StreamSource(const StreamSource&) = delete;

  // --- of the task's thread ---

  /// Throws where it is to end.
  void put(EncodedValue value);

  // --- of its actor's ---

  /// First whether the last one is among them, then some of those from `first` on; waits until there is one. Throws
  /// what the task threw once all before are taken.
  std::vector<EncodedValue> take(std::uint64_t first);

 private:
  void run(Body& body);
  void drop_below(std::uint64_t first);

  Context& context_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<EncodedValue> made_;
  std::size_t bytes_ = 0;     // Of them.
  std::uint64_t first_ = 0;   // The number of the first.
  std::uint64_t wanted_ = 0;  // What is below is not.
  bool has_ended_ = false;
  std::exception_ptr thrown_;
  std::stop_source stop_;
  std::thread thread_;
};

/// The results of a task that streams: what it calls with each.
///
///   catalog.add(read_rows, [](Yield<Row>& yield, const std::string& path) {
///     std::ifstream file(path);
///     for (Row row; file >> row;) yield(std::move(row));
///   });
template <Value T>
class Yield {
 public:
  explicit Yield(StreamSource& source) : source_(source) {}

  /// Waits while its reader is far behind. Throws, out of the task, where its worker ends.
  void operator()(T value) { source_.put(encode_owned(std::move(value))); }

 private:
  StreamSource& source_;
};

}  // namespace troupe
