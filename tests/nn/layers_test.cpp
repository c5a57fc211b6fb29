// Every layer on the reference loops, against cases computed by hand.
#include <vector>

#include <catch2/catch.hpp>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"

using namespace troupe::nn;

using Values = std::vector<float>;

TEST_CASE("a convolution slides its unflipped kernel and adds the bias", "[layers]") {
  const Conv2dSizes sizes{.samples = 1, .in_channels = 1, .height = 3, .width = 3, .out_channels = 2, .kernel = 2};
  const Values input{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Values weight{1, 2, 3, 4, /**/ 0, 0, 0, -1};
  const Values bias{10, 0.5};
  Values output(8);
  conv2d_forward(sizes, input.data(), weight.data(), bias.data(), output.data());
  CHECK(output == Values{47, 57, 77, 87, /**/ -4.5, -5.5, -7.5, -8.5});

  const Values output_gradient{1, 0, 0, 2, /**/ 0, 1, 0, 0};
  Values input_gradient(9, 99), weight_gradient(8, 99), bias_gradient(2, 99);
  conv2d_backward(sizes, input.data(), weight.data(), output_gradient.data(), input_gradient.data(),
                  weight_gradient.data(), bias_gradient.data());
  CHECK(weight_gradient == Values{1 + 2 * 5, 2 + 2 * 6, 4 + 2 * 8, 5 + 2 * 9, /**/ 2, 3, 5, 6});
  CHECK(bias_gradient == Values{3, 1});
  CHECK(input_gradient == Values{1, 2, 0, 3, 4 + 2, 2 * 2 - 1, 0, 2 * 3, 2 * 4});
}

TEST_CASE("a convolution sums over its input channels and its gradient over the samples", "[layers]") {
  const Conv2dSizes sizes{.samples = 2, .in_channels = 2, .height = 1, .width = 2, .out_channels = 1, .kernel = 1};
  const Values input{1, 2, /**/ 3, 4, /* sample 1 */ 5, 6, /**/ 7, 8};
  const Values weight{10, 100};
  const Values bias{1};
  Values output(4);
  conv2d_forward(sizes, input.data(), weight.data(), bias.data(), output.data());
  CHECK(output == Values{311, 421, 751, 861});

  const Values output_gradient{1, 2, 3, 4};
  Values weight_gradient(2, 99), bias_gradient(1, 99);
  conv2d_backward<float>(sizes, input.data(), weight.data(), output_gradient.data(), nullptr, weight_gradient.data(),
                         bias_gradient.data());
  CHECK(weight_gradient == Values{1 + 4 + 15 + 24, 3 + 8 + 21 + 32});
  CHECK(bias_gradient == Values{10});
}

TEST_CASE("the rectifier passes what is positive, and no gradient at its kink", "[layers]") {
  const Values input{-1, 0, 2};
  Values output(3);
  relu_forward(3, input.data(), output.data());
  CHECK(output == Values{0, 0, 2});
  const Values output_gradient{5, 6, 7};
  Values input_gradient(3, 99);
  relu_backward(3, output.data(), output_gradient.data(), input_gradient.data());
  CHECK(input_gradient == Values{0, 0, 7});
}

TEST_CASE("pooling keeps the largest of each window, the first of equals, and leaves the odd edge out", "[layers]") {
  const MaxPool2dSizes sizes{.planes = 1, .height = 3, .width = 5, .size = 2};
  const Values input{1,  2,  7,  7,  50,  //
                     3,  0,  7,  7,  50,  //
                     90, 90, 90, 90, 90};
  Values output(2);
  max_pool2d_forward(sizes, input.data(), output.data());
  CHECK(output == Values{3, 7});
  const Values output_gradient{5, 6};
  Values input_gradient(15, 99);
  max_pool2d_backward(sizes, input.data(), output_gradient.data(), input_gradient.data());
  CHECK(input_gradient == Values{0, 0, 6, 0, 0,  //
                                 5, 0, 0, 0, 0,  //
                                 0, 0, 0, 0, 0});
}

TEST_CASE("a linear layer is W x + b, its gradients sums over the samples", "[layers]") {
  const LinearSizes sizes{.samples = 2, .in_features = 3, .out_features = 2};
  const Values input{1, 2, 3, /**/ 4, 5, 6};
  const Values weight{1, 0, -1, /**/ 2, 3, 4};
  const Values bias{10, 20};
  Values output(4);
  linear_forward(sizes, input.data(), weight.data(), bias.data(), output.data());
  CHECK(output == Values{8, 40, 8, 67});

  const Values output_gradient{1, 2, /**/ 3, 4};
  Values input_gradient(6, 99), weight_gradient(6, 99), bias_gradient(2, 99);
  linear_backward(sizes, input.data(), weight.data(), output_gradient.data(), input_gradient.data(),
                  weight_gradient.data(), bias_gradient.data());
  CHECK(input_gradient == Values{5, 6, 7, /**/ 11, 12, 13});
  CHECK(weight_gradient == Values{13, 17, 21, /**/ 18, 24, 30});
  CHECK(bias_gradient == Values{4, 6});
}
