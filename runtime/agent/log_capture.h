// What commands print, on its way into log files of bounded size (worker/task_log.h): a command knows of no rotation,
// so it prints into a pipe, and a thread of the agent's carries on what comes.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/base/result.h"

namespace troupe {

class LogCapture {
 public:
  LogCapture() = default;
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;

  /// What is written to the descriptor that it answers with goes to the file. The caller closes his, once a child has
  /// it.
  ///
  /// Fails with: unavailable.
  Result<int> open(const std::string& file);
  /// All that was written is in the file when this returns. What comes later is refused.
  void close(const std::string& file);

 private:
  struct Stream {
    std::string file;
    int pipe = -1;
    int log = -1;
    std::uint64_t bytes = 0;  // In the log.
  };

  void run();
  /// Carries on what is there, `most` bytes of it; false: nothing more will come.
  bool carry(Stream& stream, std::size_t most);
  static void write(Stream& stream, std::string_view bytes);
  static void end(Stream& stream);

  std::mutex mutex_;
  std::map<std::string, Stream> streams_;  // By their files.
  int changed_ = -1;                       // An eventfd: the streams have, or it is over.
  bool is_over_ = false;
  std::thread thread_;  // From the first stream on.
};

}  // namespace troupe
