// The one binary tree in which slot gradients are summed, whoever computed them.
//
// With 8 slots: a0=g0+g1 a1=g2+g3 a2=g4+g5 a3=g6+g7; b0=a0+a1 b1=a2+a3; c=b0+b1. A node of level l covers 2^l slots
// from a multiple of 2^l. Only slots 0 … filled-1 exist (the slot count need not be a power of two, and the last batch
// of an epoch may leave slots empty); a node with one child is that child, and no zero is ever added.
//
// A rank sums what it holds as far up as the tree allows: these sums are its pieces. Joining the pieces of all ranks is
// then a list of additions. Every element of the result is the same expression for every number of ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/parallel/slots.h"

namespace troupe::nn {

/// The slots under one node, those that exist.
using Piece = SlotRange;

/// A piece and its sum, as one rank hands it over.
struct PieceSum {
  Piece piece;
  std::span<const float> sum;
};

/// The fewest nodes that cover the existing slots of `held`, in slot order: at most 2 lg(held.size()).
std::vector<Piece> pieces_of(SlotRange held, std::size_t filled);

/// `result` = `left` + `right`. A number below the count of pieces names a piece, the others are scratch arrays.
struct Addition {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  std::uint32_t result = 0;
  friend bool operator==(const Addition&, const Addition&) = default;
};

/// How the pieces of all ranks become the root. The last addition's result is the root; with one piece there is no
/// addition, with none the sum is zero.
struct TreePlan {
  std::vector<Piece> pieces;
  std::vector<Addition> additions;
  std::uint32_t scratch = 0;  ///< Arrays needed at once, besides the pieces and the result.
};

/// Requires: `held` are the ranks' slots in rank order, without gap from slot 0, and cover 0 … filled-1.
TreePlan plan_tree(std::span<const SlotRange> held, std::size_t filled);

/// `((g0+g1)+g2)`: what the plan computes for each element.
std::string expression_of(const TreePlan& plan);

/// Computes the plan: total[i] from pieces[k][i] for every i. `total` may not overlap a piece.
///
/// Shapes: pieces [plan.pieces.size()] arrays of total.size().
void sum_tree(const TreePlan& plan, std::span<const float* const> pieces, std::span<float> total);

/// left[i] += right[i]. Requires: equal sizes, no overlap.
void add_into(std::span<float> left, std::span<const float> right);

}  // namespace troupe::nn
