#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/wire/transport.h"

namespace troupe::test {

/// Of a driver that may be stopped.
class StoppableTransport final : public Transport {
 public:
  StoppableTransport(std::unique_ptr<Transport> whole, const std::atomic<bool>& is_stopped)
      : whole_(std::move(whole)), is_stopped_(is_stopped) {}
  Result<void> listen(const std::string& address) override { return whole_->listen(address); }
  Result<PeerId> connect(const std::string& address) override { return whole_->connect(address); }
  void disconnect(PeerId peer) override { whole_->disconnect(peer); }
  bool is_gone(PeerId peer) const override { return whole_->is_gone(peer); }
  void send(PeerId to, Bytes frame) override { whole_->send(to, std::move(frame)); }
  std::vector<Delivery> receive(Deadline deadline, const Besides* besides) override {
    auto arrived = whole_->receive(deadline, besides);
    while (is_stopped_)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // As a stopped process does, it does nothing.
    return arrived;
  }
  void wake() override { whole_->wake(); }
  void watch(int descriptor, bool for_write) override { whole_->watch(descriptor, for_write); }
  void unwatch(int descriptor) override { whole_->unwatch(descriptor); }

 private:
  const std::unique_ptr<Transport> whole_;
  const std::atomic<bool>& is_stopped_;
};

}  // namespace troupe::test
