#include "runtime/api/begun_work.h"

#include "runtime/api/session_core.h"

namespace troupe {
namespace {

thread_local BegunWork* own_work = nullptr;

}  // namespace

BegunWork* BegunWork::own() { return own_work; }
void BegunWork::set_own(BegunWork* work) { own_work = work; }

void BegunWork::add(const std::shared_ptr<SessionCore>& session, const ObjectPtr& object) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_given_up_) {
      if (begun_.size() >= look_at_) {
        std::erase_if(begun_, [](const auto& each) { return each.second.expired(); });
        look_at_ = 2 * begun_.size() + 64;
      }
      begun_.emplace_back(session, object);
      return;
    }
  }
  session->cancel(object);
}

BegunWork::List BegunWork::give_up() {
  const std::lock_guard lock(mutex_);
  is_given_up_ = true;
  return std::exchange(begun_, {});
}

void cancel(const BegunWork::List& begun) {
  for (const auto& [session, object] : begun)
    if (const auto owner = session.lock())
      if (const auto wanted = object.lock()) owner->cancel(wanted);
}

}  // namespace troupe
