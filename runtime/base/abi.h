// The version of what programs, the library and each other's processes must share beyond the messages' bytes.
#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// Grows when a program that was compiled before no longer works with the library, or a worker of another build with
/// an agent of this one: a public class has another layout or loses a function, an order means something else. The
/// library's file is named by it (`libtroupe.so.ABI`): the build reads it here.
inline constexpr std::uint32_t abi_version = 10;

/// Why two that met do not go together. `found` is 0 of a worker that is older than these versions.
inline std::string abi_mismatch(const std::string& who, std::uint32_t found, const std::string& met) {
  return who + " has ABI version " + std::to_string(found) + " of Troupe, expected " + std::to_string(abi_version) +
         ", as " + met + " has: build both with the same version of Troupe";
}

}  // namespace troupe
