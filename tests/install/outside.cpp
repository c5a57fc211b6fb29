// A program that knows Troupe only as it is installed: a task on a struct of its own, one that throws, an actor.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "scheduler/local/cluster.h"

namespace outside {

struct Parcel {
  std::string to;
  int grams = 0;
};

template <class Archive>
void fields(Archive& archive, Parcel& parcel) {
  archive("parcel", parcel.to, parcel.grams);
}

class Scales {
 public:
  int add(int grams) { return sum_ += grams; }

 private:
  int sum_ = 0;
};

}  // namespace outside

inline constexpr troupe::Task<int(std::vector<outside::Parcel>)> weigh{"outside.weigh"};
inline constexpr troupe::Task<int(troupe::ActorHandle<outside::Scales>, int)> weigh_on{"outside.weigh_on"};
inline constexpr troupe::ActorType<outside::Scales()> scales{"outside.Scales"};
inline constexpr troupe::Method<&outside::Scales::add> add{"add"};

int weight(const std::vector<outside::Parcel>& parcels) {
  int sum = 0;
  for (const auto& parcel : parcels) {
    if (parcel.grams < 0) throw std::invalid_argument("the parcel to " + parcel.to + " flies");
    sum += parcel.grams;
  }
  return sum;
}

int weigh_on_given(troupe::Context& context, const troupe::ActorHandle<outside::Scales>& given, int grams) {
  auto session = context.session();
  return session.get(session.attach(given).call(add, grams));
}

void enroll(troupe::Catalog& catalog) {
  catalog.add(weigh, weight);
  catalog.add(weigh_on, weigh_on_given);
  catalog.add(scales, add);
}

int main(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  const auto compiled_for = word == "another-abi" ? troupe::abi_version + 1 : troupe::abi_version;
  troupe::play_role(argc, argv, enroll, compiled_for);
  try {
    troupe::Cluster::local({.store_directory = "/dev/null/no-folder"});
  } catch (const troupe::ClusterError&) {
    std::puts("no cluster");
  }
  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  const std::vector<outside::Parcel> parcels{{"Oslo", 300}, {"Rome", 42}};
  auto actor = session.spawn({.max_restarts = 1}, scales);
  actor.call(add, 1000);
  std::printf("%d g\n", session.get(actor.call(add, session.submit(weigh, parcels))));
  std::printf("%d g\n", session.get(session.submit(weigh_on, actor.handle(), 7)));
  try {
    session.get(
        session.submit({.needs = {.cpus = 500}, .max_attempts = 2}, weigh, std::vector<outside::Parcel>{{"Bonn", -1}}));
  } catch (const troupe::TaskFailed& failed) {
    std::printf("%s\n", failed.what());
  }
}
