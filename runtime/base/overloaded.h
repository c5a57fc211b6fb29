// One visitor from several lambdas: `std::visit(Overloaded{[](const A&) {…}, [](const B&) {…}}, variant)`.
#pragma once

namespace troupe {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace troupe
