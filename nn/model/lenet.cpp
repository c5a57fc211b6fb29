#include "nn/model/model.h"

namespace troupe::nn {

Model lenet() {
  return {.name = "lenet",
          .input = {3, 32, 32},
          .layers = {{"conv1", Conv2d{.in_channels = 3, .out_channels = 6, .kernel = 5}},
                     {"relu", Relu{}},
                     {"pool", MaxPool2d{.size = 2}},
                     {"conv2", Conv2d{.in_channels = 6, .out_channels = 16, .kernel = 5}},
                     {"relu", Relu{}},
                     {"pool", MaxPool2d{.size = 2}},
                     {"flatten", Flatten{}},
                     {"fc1", Linear{.in_features = 400, .out_features = 120}},
                     {"relu", Relu{}},
                     {"fc2", Linear{.in_features = 120, .out_features = 84}},
                     {"relu", Relu{}},
                     {"fc3", Linear{.in_features = 84, .out_features = 10}}}};
}

Result<Model> find_model(const std::string& name) {
  if (name == "lenet") return lenet();
  return Error{Fault::not_found, "no model is called '" + name + "'; there is: lenet"};
}

}  // namespace troupe::nn
