// The command lines by which a program is started again in another role: `--troupe-role=worker id=… cluster=…`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/ids.h"

namespace troupe::scheduler {

struct RoleArguments {
  std::string role;  ///< `supervisor` or `worker`.
  std::map<std::string, std::string> values;

  /// Requires: it is there.
  const std::string& at(const std::string& key) const;
  std::uint64_t id_at(const std::string& key) const;
  ClusterId cluster() const;
};

std::vector<std::string> to_argv(const std::string& program, const RoleArguments& arguments);

/// None: an ordinary start, as a driver.
std::optional<RoleArguments> role_arguments_from(int argc, char** argv);

}  // namespace troupe::scheduler
