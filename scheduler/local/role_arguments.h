// The command lines by which a program is started again in another role: `--troupe-role=worker id=… cluster=…`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/ids.h"

namespace troupe::scheduler {

struct RoleArguments {
  std::string role;  ///< `supervisor`, `worker` or `forker`.
  std::map<std::string, std::string> values;

  /// Requires: it is there.
  const std::string& at(const std::string& key) const;
  std::uint64_t id_at(const std::string& key) const;
  ClusterId cluster() const;
};

std::vector<std::string> to_argv(const std::string& program, const RoleArguments& arguments);

/// In a child of a fork server: the worker of that id is seen as one from outside too. Requires: `argv` is a forker's,
/// with an id of as many digits.
void show_as_worker(int argc, char** argv, const std::string& id);

/// None: an ordinary start, as a driver.
std::optional<RoleArguments> role_arguments_from(int argc, char** argv);

}  // namespace troupe::scheduler
