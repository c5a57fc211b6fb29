#include "runtime/worker/begun_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string_view>

namespace troupe {

/// As it lies in the file.
struct BegunFile::Page {
  std::atomic<std::uint64_t> orders = 0;
  std::atomic<std::uint64_t> struck = 0;  // Of the thread under which the process ends.
  std::atomic<std::uint64_t> job = 0;     // Whose output goes on; 0: nobody's.
  std::atomic<std::uint64_t> number = 0;  // Of its task.
  std::atomic<std::uint64_t> epoch = 0;   // Of its attempt,
  std::atomic<std::uint64_t> attempt = 0;
  // By which code of users runs; more than these at once are not told apart.
  std::array<std::atomic<std::uint64_t>, 506> running{};
  std::array<char, longest_name_in_log> name{};  // Of whose output goes on; it may fill all of it.
};

namespace {

constexpr std::array fatal_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
std::array<struct sigaction, fatal_signals.size()> actions_before;
thread_local std::atomic<std::uint64_t>* own_struck = nullptr;
thread_local std::uint64_t own_order = 0;

/// Empty: there is none.
std::string file_beside(const std::string& own_address) {
  constexpr std::string_view scheme = "ipc://";
  return own_address.starts_with(scheme) ? own_address.substr(scheme.size()) + ".begun" : std::string();
}

void strike() {
  std::uint64_t none = 0;
  if (own_struck != nullptr) own_struck->compare_exchange_strong(none, own_order);
}

/// A fault comes again when this returns, and what was raised is raised again: whoever was to handle it does.
void on_fatal_signal(int number, siginfo_t* info, void* /*context*/) {
  strike();
  for (std::size_t i = 0; i < fatal_signals.size(); ++i)
    if (fatal_signals[i] == number) ::sigaction(number, &actions_before[i], nullptr);
  if (info->si_code <= 0) ::raise(number);
}

void watch_for_ends() {
  struct sigaction action {};
  action.sa_sigaction = on_fatal_signal;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) ::sigaction(fatal_signals[i], &action, &actions_before[i]);
  std::atexit(strike);
}

}  // namespace

BegunFile::BegunFile(const std::string& own_address) {
  const std::string file = file_beside(own_address);
  const int descriptor = file.empty() ? -1 : ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  if (::ftruncate(descriptor, sizeof *page_) == 0) {
    void* place = ::mmap(nullptr, sizeof *page_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (place != MAP_FAILED) page_ = new (place) Page;
  }
  ::close(descriptor);
}

BegunFile::~BegunFile() {
  if (page_ != nullptr) ::munmap(page_, sizeof *page_);
}

std::uint64_t BegunFile::count_one() {
  ++counted_;
  if (page_ != nullptr) page_->orders.store(counted_, std::memory_order_relaxed);
  return counted_;
}

void BegunFile::note_running(const LogOwner& owner) {
  if (page_ == nullptr) return;
  page_->job.store(owner.task.job.value, std::memory_order_relaxed);
  page_->number.store(owner.task.number, std::memory_order_relaxed);
  page_->epoch.store(owner.attempt.epoch, std::memory_order_relaxed);
  page_->attempt.store(owner.attempt.number, std::memory_order_relaxed);
  const std::size_t size = std::min(owner.name.size(), page_->name.size());
  std::memcpy(page_->name.data(), owner.name.data(), size);
  if (size < page_->name.size()) page_->name[size] = '\0';
}

BegunFile::Running::Running(BegunFile& file, std::uint64_t order) {
  if (file.page_ == nullptr) return;
  static std::once_flag watched;
  std::call_once(watched, watch_for_ends);
  own_struck = &file.page_->struck;
  own_order = order;
  auto& slots = file.page_->running;
  for (std::size_t i = 0; i < slots.size() && slot_ == nullptr; ++i) {
    auto& slot = slots[(order + i) % slots.size()];
    std::uint64_t none = 0;
    if (slot.load(std::memory_order_relaxed) == 0 && slot.compare_exchange_strong(none, order)) slot_ = &slot;
  }
}

BegunFile::Running::~Running() {
  own_struck = nullptr;
  if (slot_ != nullptr) slot_->store(0, std::memory_order_relaxed);
}

Begun BegunFile::take(const std::string& own_address) {
  const std::string file = file_beside(own_address);
  const int descriptor = file.empty() ? -1 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  Begun begun;
  constexpr std::size_t before_running = 6;
  struct {
    std::array<std::uint64_t, before_running + sizeof(Page::running) / sizeof(std::uint64_t)> numbers;
    std::array<char, longest_name_in_log> name;
  } page{};
  static_assert(sizeof page == sizeof(Page));
  if (::read(descriptor, &page, sizeof page) == sizeof page) {
    const auto& numbers = page.numbers;
    begun.orders = numbers[0];
    if (numbers[1] != 0) begun.blamed.push_back(numbers[1]);
    begun.running = {{JobId{numbers[2]}, static_cast<std::uint32_t>(numbers[3])},
                     {static_cast<std::uint32_t>(numbers[4]), static_cast<std::uint32_t>(numbers[5])},
                     std::string(page.name.data(), ::strnlen(page.name.data(), page.name.size()))};
    for (std::size_t i = before_running; i < numbers.size() && numbers[1] == 0; ++i)
      if (numbers[i] != 0) begun.blamed.push_back(numbers[i]);
  }
  ::close(descriptor);
  ::unlink(file.c_str());
  return begun;
}

}  // namespace troupe
