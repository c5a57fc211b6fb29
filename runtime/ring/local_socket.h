// Sockets between processes of one node that hand on messages together with descriptors.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "runtime/base/result.h"
#include "runtime/ring/descriptor.h"

namespace troupe {

/// Connects to who listens at the path; neither this nor anything else on the socket blocks.
///
/// Fails with: bad_input (the path is too long), peer_lost (nobody listens there), unavailable.
Result<Descriptor> connect_local(const std::string& path);

/// Listens at the path; replaces what stands there. Fails with: bad_input, unavailable.
Result<Descriptor> listen_local(const std::string& path, int most_waiting);

/// `cannot connect to PATH: Connection refused`, by errno; peer_lost where nobody is there.
Error local_error(const std::string& path, const char* verb);

/// Sends a message in one piece. False: there is no room for it now, or the other end is gone; errno says which.
bool send_message(const Descriptor& socket, std::span<const std::byte> message, std::span<const int> descriptors = {});

/// Takes the next message, of exactly the size of `message` and with at most as many descriptors as there is room for.
/// Answers with how many came: fewer than were sent if this process has no room for more descriptors; nullopt: nothing
/// has arrived yet.
///
/// Fails with: peer_lost, corrupt (something else arrived; its descriptors are closed).
Result<std::optional<std::size_t>> receive_message(const Descriptor& socket, std::span<std::byte> message,
                                                   std::span<Descriptor> descriptors);

template <class Body>
std::span<const std::byte> bytes_of_body(const Body& body) {
  return std::as_bytes(std::span(&body, 1));
}
template <class Body>
std::span<std::byte> bytes_of_body(Body& body) {
  return std::as_writable_bytes(std::span(&body, 1));
}

}  // namespace troupe
