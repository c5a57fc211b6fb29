// Included by the one file of a test program that cannot run without a redis-server: the program then exits 77.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "scheduler/store/redis_server.h"

namespace troupe::scheduler::test {

inline const bool redis_is_there = [] {
  std::string folder = (std::filesystem::temp_directory_path() / "troupe-store-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return false;
  const auto server = RedisServer::start({.folder = folder});
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (server || server.error().fault != Fault::unsupported) return true;
  std::fprintf(stderr, "skipped: %s\n", server.error().message.c_str());
  std::_Exit(77);
}();

}  // namespace troupe::scheduler::test
