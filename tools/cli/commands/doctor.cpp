#include "tools/cli/commands/doctor.h"

#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nn/backend/backend.h"
#include "nn/data/dataset.h"
#include "scheduler/local/cluster.h"
#include "scheduler/local/cluster_choice.h"
#include "scheduler/store/redis_connection.h"
#include "scheduler/store/redis_server.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"
#include "tools/cli/private_folder.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

/// `fail`: nothing works without it. `warn`: something does not.
struct Check {
  std::string name;
  std::string state;  // ok, warn or fail
  std::string found;
  std::string advice;  // What to do.
};

Check ok(const std::string& name, const std::string& found) { return {name, "ok", found, {}}; }

Check check_redis() {
  const std::string advice = "install redis-tools or redis-server, 7.0 or later, and have it in PATH";
  auto folder = PrivateFolder::make();
  if (!folder) return {"redis", "fail", folder.error().message, "choose a short, writable folder by TMPDIR"};
  const auto server = scheduler::RedisServer::start_and_wait({.folder = folder->path() + "/store"});
  if (!server) return {"redis", "fail", server.error().message, advice};
  auto connection = scheduler::RedisConnection::connect(server->socket());
  if (!connection) return {"redis", "fail", connection.error().message, advice};
  const auto info = connection->ask({"INFO", "server"}, std::chrono::steady_clock::now() + std::chrono::seconds(5));
  const std::string text(info ? info->text() : "");
  const std::size_t at = text.find("redis_version:");
  const std::string version =
      at == text.npos ? "of unknown version" : text.substr(at + 14, text.find('\r', at) - at - 14);
  return ok("redis", "redis-server " + version + " starts and answers");
}

Check check_state_folder() {
  const std::string folder = scheduler::state_home();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || ::access(folder.c_str(), W_OK) != 0)
    return {"state", "fail", folder + " cannot be written" + (error ? ": " + error.message() : ""),
            "choose another folder by XDG_STATE_HOME"};
  const auto space = std::filesystem::space(folder, error);
  return ok("state", folder + " can be written, " + size_text(static_cast<std::int64_t>(space.available)) + " free");
}

Check check_sockets() {
  const auto folder = PrivateFolder::make();
  if (!folder)
    return {"sockets", "fail", folder.error().message,
            "set XDG_RUNTIME_DIR or TMPDIR to a short path that is writable"};
  const std::string parent = std::filesystem::path(folder->path()).parent_path().string();
  return ok("sockets", parent + " can be written and is short enough");
}

Check check_shared_memory() {
  constexpr std::int64_t enough = 256 << 20;
  struct statvfs room {};
  if (::statvfs("/dev/shm", &room) != 0)
    return {"shared memory", "fail", "/dev/shm is not there", "mount a tmpfs at /dev/shm"};
  const auto bytes = static_cast<std::int64_t>(room.f_bavail) * static_cast<std::int64_t>(room.f_frsize);
  if (::access("/dev/shm", W_OK) != 0)
    return {"shared memory", "fail", "/dev/shm cannot be written", "make it writable: chmod 1777 /dev/shm"};
  if (bytes < enough)
    return {"shared memory", "warn", size_text(bytes) + " free in /dev/shm",
            "make it larger (a container: --shm-size=1g), or large models will not fit"};
  return ok("shared memory", size_text(bytes) + " free in /dev/shm");
}

Check check_descriptors() {
  constexpr rlim_t enough = 1024;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string found =
      "at most " + (limit.rlim_cur == RLIM_INFINITY ? "any number of" : std::to_string(limit.rlim_cur)) + " open files";
  if (limit.rlim_cur < enough) return {"open files", "warn", found, "raise it: ulimit -n 4096"};
  return ok("open files", found);
}

Check check_backends() {
  std::string names;
  for (const char* name : {"reference", "cpu", "cuda"})
    if (nn::find_backend(name)) names += (names.empty() ? "" : ", ") + std::string(name);
  if (names.empty()) return {"back-ends", "warn", "none", "training does not work: build Troupe again with oneDNN"};
  return ok("back-ends", names);
}

Check check_data() {
  const auto data = nn::check_dataset("fashion-mnist");
  if (data) return ok("fashion-mnist", "is installed");
  return {"fashion-mnist", "warn", data.error().message,
          "only needed by `train --data fashion-mnist`: install dataset-fashion-mnist"};
}

/// The driver alone, by name: Troupe itself is built with or without CUDA.
Check check_gpus() {
  const char* name = "gpus";
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return ok(name, "no NVIDIA driver: gpus are not used");
  const auto init = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto count_of = reinterpret_cast<int (*)(int*)>(::dlsym(driver, "cuDeviceGetCount"));
  const auto version_of = reinterpret_cast<int (*)(int*)>(::dlsym(driver, "cuDriverGetVersion"));
  if (init == nullptr || count_of == nullptr || version_of == nullptr)
    return {name, "warn", "libcuda.so.1 is not the NVIDIA driver's", "install the driver again; gpus are not used"};
  if (const int error = init(0); error != 0)
    return {name, "warn", "the NVIDIA driver does not start (CUDA error " + std::to_string(error) + ")",
            "look at nvidia-smi; gpus are not used"};
  int count = 0;
  int version = 0;
  count_of(&count);
  version_of(&version);
  return ok(name, std::to_string(count) + (count == 1 ? " gpu" : " gpus") + ", driver for CUDA " +
                      std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10) +
                      ": not used by this version");
}

std::vector<Check> all_checks() {
  return {check_redis(),         check_state_folder(), check_sockets(),
          check_shared_memory(), check_descriptors(),  ok("machine", describe(local_capacity({}))),
          check_backends(),      check_data(),         check_gpus()};
}

}  // namespace

int doctor_command(const DoctorCommand& command) {
  const auto checks = all_checks();
  bool has_failed = false;
  Table table({{"check"}, {"state"}, {"found"}});
  for (const auto& check : checks) {
    has_failed = has_failed || check.state == "fail";
    if (command.json) {
      const nlohmann::ordered_json line{
          {"check", check.name}, {"state", check.state}, {"found", check.found}, {"advice", check.advice}};
      std::printf("%s\n", json_line(line).c_str());
    }
    table.add(
        {check.name, state_cell(check.state), check.advice.empty() ? check.found : check.found + "; " + check.advice});
  }
  if (!command.json) table.print();
  return has_failed ? exit_work_failed : exit_done;
}

}  // namespace troupe::cli
