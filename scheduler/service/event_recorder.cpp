#include "scheduler/service/event_recorder.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace troupe::scheduler {
namespace {

// Is kept free for the record that says why there are no more.
constexpr std::uint64_t last_record_bytes = 512;

/// 0, or the number of the error.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

EventRecorder::EventRecorder(int descriptor, std::string file, std::uint64_t most_bytes)
    : descriptor_(descriptor),
      file_(std::move(file)),
      most_bytes_(most_bytes),
      bytes_(EventLogFramer::beginning().size()),
      buffer_(EventLogFramer::beginning()) {}

EventRecorder::EventRecorder(EventRecorder&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      file_(std::move(other.file_)),
      most_bytes_(other.most_bytes_),
      bytes_(other.bytes_),
      framer_(other.framer_),
      buffer_(std::move(other.buffer_)) {}

EventRecorder::~EventRecorder() {
  flush();
  if (is_on()) ::close(descriptor_);
}

Result<EventRecorder> EventRecorder::create(const std::string& file, std::uint64_t most_bytes) {
  std::string name = file;
  for (int number = 2;; ++number) {
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor >= 0) return EventRecorder(descriptor, std::move(name), most_bytes);
    if (errno != EEXIST)
      return Error{Fault::unavailable,
                   "cannot record into " + name + ": " + ::strerror(errno) + ": name a file that can be made"};
    name = file + '.' + std::to_string(number);
  }
}

void EventRecorder::opened(const Settings& settings, const StoredState& stored, Time at) {
  append(encode_opened(settings, stored, at));
}

void EventRecorder::takes(Time at, const Event& event) {
  if (!is_on()) return;
  append(encode_taken(at, event));
  flush();
}

void EventRecorder::gave(const Effects& effects) {
  if (is_on()) append(encode_given(summary_of(effects)));
}

void EventRecorder::append(const std::string& body) {
  if (bytes_ + body.size() + last_record_bytes > most_bytes_) {
    const std::string why = "it has reached its limit of " + std::to_string(most_bytes_) + " bytes";
    buffer_ += framer_.frame(encode_stopped(why));
    flush();
    return stop(why);
  }
  const std::size_t before = buffer_.size();
  buffer_ += framer_.frame(body);
  bytes_ += buffer_.size() - before;
}

void EventRecorder::flush() {
  if (!is_on() || buffer_.empty()) return;
  const int error = write_all(descriptor_, std::exchange(buffer_, {}));
  if (error != 0) stop(std::string("it cannot be written: ") + ::strerror(error));
}

void EventRecorder::stop(const std::string& why) {
  if (!is_on()) return;
  std::fprintf(stderr, "troupe: scheduler: the recording into %s ends: %s\n", file_.c_str(), why.c_str());
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace troupe::scheduler
