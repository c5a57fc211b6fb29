#include "scheduler/local/shown_output.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "runtime/worker/task_log.h"

namespace troupe::scheduler {
namespace {

namespace fs = std::filesystem;
using Time = FoldedLines::Time;

constexpr Time between_looks{50};  // What is printed meanwhile is shown together.
constexpr std::uint32_t events_of_logs = IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE;

bool is_wanted(const char* variable) {
  const char* wish = std::getenv(variable);
  return wish == nullptr || std::string_view(wish) != "0";
}

}  // namespace

FoldedLines::Repeats repeats_of(bool folds) {
  return folds && is_wanted("TROUPE_FOLD_OUTPUT") ? FoldedLines::Repeats::folded : FoldedLines::Repeats::shown;
}

std::unique_ptr<ShownOutput> ShownOutput::start(Options options) {
  return is_wanted("TROUPE_SHOW_OUTPUT") ? std::make_unique<ShownOutput>(std::move(options)) : nullptr;
}

ShownOutput::ShownOutput(Options options)
    : options_(std::move(options)),
      lines_(options_.repeats, [this](const std::string& line) { shown_.append(line).append(1, '\n'); }),
      news_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      end_(::eventfd(0, EFD_CLOEXEC)) {
  const std::string& folder = options_.logs.empty() ? options_.members : options_.logs;
  const int watched = !news_ || !end_         ? -1
                      : options_.logs.empty() ? watch({Folder::Kind::members, folder}, IN_CREATE | IN_MOVED_TO)
                                              : watch({Folder::Kind::logs, folder}, events_of_logs);
  if (watched < 0) {
    options_.show("troupe: what tasks print is not shown: cannot watch " + folder + ": " + ::strerror(errno) +
                  ": see the limits in /proc/sys/fs/inotify\n");
    return;
  }
  if (options_.logs.empty()) watch_members();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // Signals are for the program's own threads.
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ShownOutput::~ShownOutput() {
  if (!thread_.joinable()) return;
  ::eventfd_write(end_.number(), 1);
  thread_.join();
}

void ShownOutput::to_stderr(std::string_view lines) { std::fwrite(lines.data(), 1, lines.size(), stderr); }

// --- which folders are watched ---------------------------------------------------------------------------------------

/// The number of the watch, the same for the same folder; -1: there is none.
int ShownOutput::watch(Folder folder, std::uint32_t events) {
  const int number = ::inotify_add_watch(news_.number(), folder.path.c_str(), events | IN_ONLYDIR);
  if (number >= 0) folders_.try_emplace(number, std::move(folder));
  return number;
}

void ShownOutput::watch_members() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.members, error))
    watch_member(entry.path().filename().string());
}

/// Its folder only until it has logs: other files of it come and go.
void ShownOutput::watch_member(const std::string& name) {
  const std::string member = options_.members + '/' + name;
  const int until_it_has_logs = watch({Folder::Kind::member, member, name}, IN_CREATE);
  const std::size_t watched_before = folders_.size();
  const int logs = watch({Folder::Kind::logs, member + "/logs", name}, events_of_logs);
  if (logs < 0) return;
  ::inotify_rm_watch(news_.number(), until_it_has_logs);
  if (!options_.job || folders_.size() == watched_before) return;
  std::error_code error;  // What had its name before.
  for (const auto& entry : fs::directory_iterator(member + "/logs", error))
    take_log(folders_.at(logs), IN_MOVED_TO, entry.path().filename().string());
}

// --- on the thread ---------------------------------------------------------------------------------------------------

void ShownOutput::run() {
  while (!ends_within(lines_.next_repeats(), true)) {
    pass_on();
    if (ends_within(ShownLines::now() + between_looks, false)) break;
  }
  pass_on();
  for (auto& [file, source] : sources_) lines_.end(source.lines);
  lines_.tell_all_repeats();
  show();
}

bool ShownOutput::ends_within(std::optional<Time> until, bool may_wake_for_news) {
  std::array<pollfd, 2> polled{{{end_.number(), POLLIN, 0}, {news_.number(), POLLIN, 0}}};
  const int left = until ? static_cast<int>(std::max(*until - ShownLines::now(), Time(0)).count()) : -1;
  ::poll(polled.data(), may_wake_for_news ? 2 : 1, left);
  return polled[0].revents != 0;
}

void ShownOutput::pass_on() {
  take_news();
  lines_.tell_repeats();
  for (const auto& file : std::exchange(changed_, {})) {
    const auto at = sources_.find(file);
    auto& [log, lines, is_over] = at->second;
    log.read([&](std::string_view bytes) { lines_.take(at->second.lines, bytes); });
    if (!is_over) {
      lines_.end_look(lines);
    } else {
      lines_.end(lines);
      sources_.erase(at);
    }
  }
  show();
}

void ShownOutput::show() {
  if (!shown_.empty()) options_.show(shown_);
  shown_.clear();
}

void ShownOutput::take_news() {
  alignas(inotify_event) std::array<char, 1 << 16> buffer;
  for (;;) {
    const auto got = ::read(news_.number(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
      take(event.wd, event.mask, event.len > 0 ? event.name : "");
      at += sizeof event + event.len;
    }
  }
}

void ShownOutput::take(int watch, std::uint32_t events, const std::string& name) {
  if ((events & IN_Q_OVERFLOW) != 0) {
    shown_ += "troupe: more was printed than could be followed: some is not shown (troupe logs shows all)\n";
    for (const auto& [file, source] : sources_) changed_.insert(file);
    if (options_.logs.empty()) watch_members();
    return;
  }
  if ((events & IN_IGNORED) != 0) folders_.erase(watch);
  const auto found = folders_.find(watch);
  if (found == folders_.end()) return;
  const Folder& folder = found->second;
  if (folder.kind == Folder::Kind::members) return watch_member(name);
  if (folder.kind == Folder::Kind::logs) return take_log(folder, events, name);
  if (name == "logs") watch_member(folder.node);
}

void ShownOutput::take_log(const Folder& folder, std::uint32_t events, const std::string& name) {
  const std::string file = folder.path + '/' + name;
  auto at = sources_.find(file);
  if (at == sources_.end()) {
    const auto owner = (events & IN_MOVED_TO) != 0 ? log_owner_from(name) : std::nullopt;
    if (!owner || (options_.job && owner->task.job != *options_.job)) return;
    const auto nodes = std::count_if(folders_.begin(), folders_.end(),
                                     [](const auto& each) { return each.second.kind == Folder::Kind::logs; });
    std::string who = owner->name + '.' + std::to_string(owner->task.number);
    if (nodes > 1) who += " on " + folder.node;
    at = sources_.try_emplace(file, Source{LogReader(file), {std::move(who)}}).first;
  }
  if ((events & IN_CLOSE_WRITE) != 0) at->second.is_over = true;
  // One that is empty is not opened: an actor that prints nothing takes no descriptor.
  std::error_code error;
  if (events != IN_MOVED_TO || fs::file_size(file, error) > 0) changed_.insert(file);
}

}  // namespace troupe::scheduler
