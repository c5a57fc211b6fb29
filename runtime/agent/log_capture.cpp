#include "runtime/agent/log_capture.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "runtime/worker/task_log.h"

namespace troupe {
namespace {

constexpr std::size_t piece_bytes = 1u << 16;
constexpr int between_looks_ms = 5;  // At whether a log is still held.

void note_change(int descriptor) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(descriptor, &one, sizeof one);  // Full: it has been noted already.
}

}  // namespace

LogCapture::~LogCapture() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    if (changed_ >= 0) note_change(changed_);
  }
  if (thread_.joinable()) thread_.join();
  for (auto& [file, stream] : streams_) {
    carry(stream, piece_bytes);
    end(stream);
  }
  if (changed_ >= 0) ::close(changed_);
}

Result<int> LogCapture::open(const std::string& file) {
  int ends[2];
  const int log = open_log(file);
  if (log < 0) return Error{Fault::unavailable, "cannot open " + file + ": " + ::strerror(errno)};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(log);
    return Error{Fault::unavailable, std::string("cannot make a pipe: ") + ::strerror(error)};
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);  // The command's own end blocks, as programs expect it.
  struct stat status {};
  ::fstat(log, &status);
  const std::lock_guard lock(mutex_);
  streams_[file] = {file, ends[0], log, static_cast<std::uint64_t>(status.st_size)};
  if (thread_.joinable()) {
    note_change(changed_);
  } else {
    changed_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = std::thread([this] { run(); });
  }
  return ends[1];
}

void LogCapture::close(const std::string& file) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(file);
  if (found == streams_.end()) return;
  // What is there now, and no more: somebody may still write whom nobody ends.
  int waiting = 0;
  ::ioctl(found->second.pipe, FIONREAD, &waiting);
  while (waiting > 0 && carry(found->second, static_cast<std::size_t>(waiting)))
    waiting -= static_cast<int>(piece_bytes);
  end(found->second);
  streams_.erase(found);
}

void LogCapture::run() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    std::vector<pollfd> polled{{changed_, POLLIN, 0}};
    std::vector<std::string> files;
    int longest_ms = -1;
    for (const auto& [file, stream] : streams_) {
      if (stream.pipe < 0) continue;  // All of its writers are gone.
      if (stream.bytes + piece_bytes > most_log_bytes && is_held(older_log(file))) {
        longest_ms = between_looks_ms;
        continue;
      }
      polled.push_back({stream.pipe, POLLIN, 0});
      files.push_back(file);
    }
    lock.unlock();
    ::poll(polled.data(), polled.size(), longest_ms);
    lock.lock();
    std::uint64_t noted = 0;
    [[maybe_unused]] const auto got = ::read(changed_, &noted, sizeof noted);
    for (std::size_t i = 0; i < files.size(); ++i) {
      const auto stream = streams_.find(files[i]);
      if (polled[i + 1].revents == 0 || stream == streams_.end()) continue;
      if (!carry(stream->second, piece_bytes)) end(stream->second);
    }
  }
}

bool LogCapture::carry(Stream& stream, std::size_t most) {
  std::array<char, piece_bytes> piece;
  const auto got = ::read(stream.pipe, piece.data(), std::min(most, piece.size()));
  if (got < 0) return stream.pipe >= 0 && (errno == EAGAIN || errno == EINTR);
  write(stream, {piece.data(), static_cast<std::size_t>(got)});
  return got > 0;
}

/// What the disk refuses is lost: a command does not fail for its log.
void LogCapture::write(Stream& stream, std::string_view bytes) {
  const auto put = [&stream](std::string_view some) {
    while (!some.empty()) {
      const auto written = ::write(stream.log, some.data(), some.size());
      if (written <= 0) return;
      stream.bytes += static_cast<std::uint64_t>(written);
      some.remove_prefix(static_cast<std::size_t>(written));
    }
  };
  // One that is held comes here only at its end.
  if (stream.bytes + bytes.size() > most_log_bytes && !is_held(older_log(stream.file))) {
    const std::size_t whole_lines = bytes.rfind('\n') + 1;  // Or nothing.
    put(bytes.substr(0, whole_lines));
    bytes.remove_prefix(whole_lines);
    ::close(stream.log);
    stream.log = rotate_log(stream.file);
    stream.bytes = 0;
  }
  put(bytes);
}

void LogCapture::end(Stream& stream) {
  if (stream.pipe >= 0) ::close(stream.pipe);
  if (stream.log >= 0) ::close(stream.log);
  stream.pipe = stream.log = -1;
}

}  // namespace troupe
