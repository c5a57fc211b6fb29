// A web service that embeds the runtime: each request is a call of an actor, which keeps the state. Without a port it
// serves on a free one, and asks itself.
//
//   web_service 8080 & curl -X POST 'localhost:8080/stock/apples?pieces=5'
#include <httplib.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "scheduler/local/cluster.h"

class Stock {
 public:
  int add(const std::string& fruit, int pieces) {
    if (pieces_[fruit] + pieces < 0) throw std::invalid_argument("there are only " + std::to_string(pieces_[fruit]));
    return pieces_[fruit] += pieces;
  }

 private:
  std::map<std::string, int> pieces_;
};

inline constexpr troupe::ActorType<Stock()> stock_type{"web.Stock"};
inline constexpr troupe::Method<&Stock::add> add{"add"};

void enroll(troupe::Catalog& catalog) { catalog.add(stock_type, add); }

void ask(httplib::Client& client, const std::string& path) {
  const auto answer = client.Post(path);
  if (!answer) throw std::runtime_error("the service does not answer");
  std::printf("%s: %d %s\n", path.c_str(), answer->status, answer->body.c_str());
}

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);
  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  const auto stock = session.spawn(stock_type);

  httplib::Server service;  // Its threads share the session.
  service.Post(R"(/stock/(\w+))", [&](const httplib::Request& request, httplib::Response& response) {
    const int pieces = std::atoi(request.get_param_value("pieces").c_str());
    const auto left = session.try_get(stock.call(add, request.matches[1].str(), pieces), std::chrono::seconds(5));
    response.status = left ? 200 : 409;
    response.set_content(left ? std::to_string(*left) : left.error().message, "text/plain");
  });
  if (argc > 1) return service.listen("127.0.0.1", std::atoi(argv[1])) ? 0 : 1;

  const int port = service.bind_to_any_port("127.0.0.1");
  std::jthread serving([&] { service.listen_after_bind(); });
  httplib::Client client("127.0.0.1", port);
  ask(client, "/stock/apples?pieces=5");
  ask(client, "/stock/apples?pieces=-2");
  ask(client, "/stock/apples?pieces=-9");
  service.stop();
}
