// What a session asks of its scheduler, and how the answers find who waits for them.
#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "runtime/api/deadline.h"
#include "runtime/api/session_core.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds first_find_pause{1};
constexpr std::chrono::milliseconds between_finds{50};

}  // namespace

template <class Answer, class Question>
Result<Answer> SessionCore::ask(Question question, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  auto& questions = std::get<Questions<Question, Answer>>(questions_);
  question.request = ++last_request_;
  auto& open = questions[question.request];
  open.question = question;
  post(scheduler_, question);
  wake();
  changed_.wait_until(lock, deadline_after(limit), [&] { return open.answer || !lost_.empty(); });
  auto answer = std::move(open.answer);
  questions.erase(question.request);
  if (!answer) return Error{Fault::timed_out, lost_.empty() ? "the scheduler did not answer" : lost_};
  return std::move(*answer);
}

bool SessionCore::are_questions_open() const {
  return std::apply([](const auto&... each) { return (!each.empty() || ...); }, questions_);
}

void SessionCore::take_answer(message::Message& message) {
  std::apply([&](auto&... each) { (take_answer(each, message), ...); }, questions_);
}

template <class Question, class Answer>
void SessionCore::take_answer(Questions<Question, Answer>& questions, message::Message& message) {
  auto* answer = std::get_if<Answer>(&message);
  if (answer == nullptr) return;
  if (const auto asked = questions.find(answer->request); asked != questions.end())
    asked->second.answer = std::move(*answer);
  changed_.notify_all();
}

void SessionCore::ask_again() {
  const auto ask_all = [this](const auto& questions) {
    for (const auto& [request, asked] : questions) post(scheduler_, asked.question);
  };
  std::apply([&](const auto&... each) { (ask_all(each), ...); }, questions_);
}

Result<std::vector<message::TaskSummary>> SessionCore::list_tasks(JobId job, std::chrono::milliseconds limit) {
  return list_tasks(message::AskTasks{.job = job}, limit);
}

Result<std::vector<message::TaskSummary>> SessionCore::list_tasks(const message::AskTasks& wanted,
                                                                  std::chrono::milliseconds limit) {
  std::vector<message::TaskSummary> tasks;
  auto listed = list_tasks(wanted, limit, [&](std::vector<message::TaskSummary>&& page) {
    std::move(page.begin(), page.end(), std::back_inserter(tasks));
    return true;
  });
  if (!listed) return listed.error();
  return tasks;
}

Result<void> SessionCore::list_tasks(message::AskTasks wanted, std::chrono::milliseconds limit,
                                     const std::function<bool(std::vector<message::TaskSummary>&&)>& take) {
  for (bool goes_on = true; goes_on;) {
    auto page = ask<message::TaskList>(wanted, limit);
    if (!page) return page.error();
    goes_on = take(std::move(page->tasks)) && page->goes_on;
    wanted.first = page->next;
  }
  return {};
}

Result<std::vector<message::TaskSummary>> SessionCore::list_actors(std::chrono::milliseconds limit) {
  const auto jobs = list_jobs(limit);
  if (!jobs) return jobs.error();
  std::vector<message::TaskSummary> actors;
  for (const auto& each : *jobs) {
    if (each.actors == 0) continue;
    auto own = list_tasks({.job = each.job.id, .only_actors = true}, limit);
    if (!own) return own.error();
    std::move(own->begin(), own->end(), std::back_inserter(actors));
  }
  return actors;
}

Result<std::vector<message::JobSummary>> SessionCore::list_jobs(std::chrono::milliseconds limit) {
  std::vector<message::JobSummary> jobs;
  for (bool goes_on = true; goes_on;) {
    auto page = ask<message::JobList>(
        message::AskJobs{.request = 0, .behind = jobs.empty() ? JobId{} : jobs.back().job.id}, limit);
    if (!page) return page.error();
    std::move(page->jobs.begin(), page->jobs.end(), std::back_inserter(jobs));
    goes_on = page->goes_on;
  }
  return jobs;
}

Result<message::TaskTold> SessionCore::ask_task(TaskId task, std::chrono::milliseconds limit) {
  return ask<message::TaskTold>(message::AskTask{.request = 0, .task = task}, limit);
}

Result<message::ClusterStatus> SessionCore::ask_status(std::chrono::milliseconds limit, bool with_queue) {
  return ask<message::ClusterStatus>(message::AskStatus{.with_queue = with_queue}, limit);
}

Result<message::SyncStatus> SessionCore::ask_sync(std::chrono::milliseconds limit) {
  return ask<message::SyncStatus>(message::AskSync{}, limit);
}

Result<std::shared_ptr<ActorLine>> SessionCore::find_actor(const std::string& registered,
                                                           std::chrono::milliseconds limit) {
  const auto deadline = deadline_after(limit);
  auto found = ask<message::NamedActor>(message::FindActor{.request = 0, .name = registered}, limit);
  // A scheduler that was just started anew hears of drivers' actors as these come back: nobody else tells when.
  while (found && !found->task && !found->is_sure && Clock::now() < deadline) {
    std::this_thread::sleep_for(between_finds);
    found = ask<message::NamedActor>(message::FindActor{.request = 0, .name = registered}, limit);
  }
  if (!found) return found.error();
  if (!found->task) return Error{Fault::not_found, "there is no actor that is found as '" + registered + "'"};
  return attach(found->task, registered, found->restart);
}

Result<std::shared_ptr<ActorLine>> SessionCore::find_or_spawn(ActorOptions options, const RawWork& work,
                                                              std::chrono::milliseconds limit) {
  options.registers_name = true;
  if (std::string flaw = flaw_of(options); !flaw.empty()) return Error{Fault::bad_input, std::move(flaw)};
  const std::string registered = registered_name(options.name_space, options.name);
  const auto deadline = deadline_after(limit);
  auto found = find_actor(registered, limit);
  if (found || found.error().fault != Fault::not_found) return found;
  // Whether it is this one or another's that was quicker the name tells, as soon as the scheduler has one of them.
  const auto spawned = spawn(options, nullptr, {work}).front();
  for (auto pause = first_find_pause;; pause = std::min(2 * pause, between_finds)) {
    found = find_actor(registered, limit);
    if (found || found.error().fault != Fault::not_found) break;
    if (has_ended(*spawned)) {
      const std::lock_guard lock(mutex_);
      found = Error{spawned->end.fault, spawned->end.cause};
      break;
    }
    if (Clock::now() >= deadline) {
      found = Error{Fault::timed_out, "the scheduler did not take the actor"};
      break;
    }
    std::this_thread::sleep_for(pause);  // Nobody tells when the scheduler has taken a submit.
  }
  release_actor(spawned);
  return found;
}

Result<std::shared_ptr<ActorLine>> SessionCore::find_or_spawn_detached(ActorOptions options, const RawWork& work,
                                                                       std::chrono::milliseconds limit) {
  options.registers_name = true;
  if (std::string flaw = flaw_of(options); !flaw.empty()) return Error{Fault::bad_input, std::move(flaw)};
  const std::string registered = registered_name(options.name_space, options.name);
  auto found = find_actor(registered, limit);
  if (found || found.error().fault != Fault::not_found) return found;
  auto spawned = spawn_detached(options, work, limit);
  if (spawned || spawned.error().fault != Fault::refused) return spawned;
  found = find_actor(registered, limit);
  return found ? found : spawned;
}

}  // namespace troupe
