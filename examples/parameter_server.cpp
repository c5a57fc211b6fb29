// Training with a parameter server: an actor has the weights, tasks compute gradients from them. Weights and data lie
// in shared memory once, whoever reads them.
#include <cmath>
#include <cstdio>
#include <vector>

#include "scheduler/local/cluster.h"

using Numbers = troupe::SharedArray<float>;

constexpr std::size_t features = 50'000;
constexpr int shards = 4;
constexpr int rounds = 40;

/// Samples have one feature each: y = wanted(i) * x.
float wanted(std::size_t feature) { return static_cast<float>(feature % 7); }
float sample(int shard, std::size_t feature) {
  return 1.0f + static_cast<float>(shard) / 4 * (feature % 2 == 0 ? 1 : -1);
}

class Server {
 public:
  Numbers weights() const { return Numbers(weights_); }
  void apply(const Numbers& gradient) {
    for (std::size_t i = 0; i < features; ++i) weights_[i] -= 0.1f * gradient[i];
  }

 private:
  std::vector<float> weights_ = std::vector<float>(features);
};

inline constexpr troupe::ActorType<Server()> server_type{"server.Server"};
inline constexpr troupe::Method<&Server::weights> weights{"weights"};
inline constexpr troupe::Method<&Server::apply> apply{"apply"};
inline constexpr troupe::Task<Numbers(int, Numbers)> gradient_of{"server.gradient_of"};

Numbers gradient(int shard, const Numbers& at) {
  std::vector<float> gradient(features);
  for (std::size_t i = 0; i < features; ++i) {
    const float x = sample(shard, i);
    gradient[i] = 2 * x * x * (at[i] - wanted(i));
  }
  return gradient;
}

void enroll(troupe::Catalog& catalog) {
  catalog.add(server_type, weights, apply);
  catalog.add(gradient_of, gradient);
}

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);
  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  const auto server = session.spawn(server_type);
  for (int round = 0; round < rounds; ++round) {
    const auto now = server.call(weights);  // A ref: nothing is waited for, and nothing is copied here.
    for (int shard = 0; shard < shards; ++shard) server.call(apply, session.submit(gradient_of, shard, now));
  }
  const Numbers trained = session.get(server.call(weights));
  float worst = 0;
  for (std::size_t i = 0; i < features; ++i) worst = std::max(worst, std::abs(trained[i] - wanted(i)));
  std::printf("after %d rounds the worst of %zu weights is off by %s\n", rounds, features,
              worst < 1e-3f ? "nothing" : "much");
}
