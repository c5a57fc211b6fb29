#include "scheduler/local/role_arguments.h"

#include <string_view>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr std::string_view role_option = "--troupe-role=";

}  // namespace

const std::string& RoleArguments::at(const std::string& key) const {
  const auto found = values.find(key);
  TROUPE_CHECK(found != values.end(), "a role is started with all its arguments");
  return found->second;
}

std::uint64_t RoleArguments::id_at(const std::string& key) const {
  const auto id = hex_from(at(key));
  TROUPE_CHECK(id, "ids are handed on as 16 hexadecimal digits");
  return *id;
}

ClusterId RoleArguments::cluster() const {
  const std::string& text = at("cluster");
  const auto high = hex_from(std::string_view(text).substr(0, 16));
  const auto low = text.size() == 32 ? hex_from(std::string_view(text).substr(16)) : std::nullopt;
  TROUPE_CHECK(high && low, "a cluster id is 32 hexadecimal digits");
  return {*high, *low};
}

std::vector<std::string> to_argv(const std::string& program, const RoleArguments& arguments) {
  std::vector<std::string> argv{program, std::string(role_option) + arguments.role};
  for (const auto& [key, value] : arguments.values) argv.push_back(key + '=' + value);
  return argv;
}

void show_as_worker(int argc, char** argv, const std::string& id) {
  std::string_view("worker").copy(argv[1] + role_option.size(), std::string_view("forker").size());
  for (int i = 2; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with("id=")) id.copy(argv[i] + 3, std::string_view(argv[i]).size() - 3);
}

std::optional<RoleArguments> role_arguments_from(int argc, char** argv) {
  if (argc < 2 || !std::string_view(argv[1]).starts_with(role_option)) return std::nullopt;
  RoleArguments arguments{std::string(std::string_view(argv[1]).substr(role_option.size())), {}};
  for (int i = 2; i < argc; ++i) {
    const std::string_view text = argv[i];
    const std::size_t equals = text.find('=');
    TROUPE_CHECK(equals != std::string_view::npos, "a role's arguments have the form key=value");
    arguments.values.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return arguments;
}

}  // namespace troupe::scheduler
