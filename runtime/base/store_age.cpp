#include "runtime/base/store_age.h"

namespace troupe {

std::optional<Error> refuse_older(const std::string& store, const StoreAge& found, const StoreAge& seen,
                                  Planted planted) {
  if (found.cluster != seen.cluster && planted != Planted::cluster_id_unchecked) {
    return Error{Fault::refused, store + " belongs to cluster " + to_text(found.cluster) + ", expected " +
                                     to_text(seen.cluster) + ": give the folder of this cluster"};
  }
  if (found.epoch < seen.epoch) {
    return Error{Fault::refused, store + " is older than what was seen: epoch " + std::to_string(found.epoch) +
                                     ", seen " + std::to_string(seen.epoch) +
                                     ": it lost committed changes; restore the newer files"};
  }
  if (found.commit_seq < seen.commit_seq && planted != Planted::roll_back_checked_by_epoch_alone) {
    return Error{Fault::refused, store + " is older than what was seen: commit " + std::to_string(found.commit_seq) +
                                     ", seen " + std::to_string(seen.commit_seq) + ", so " +
                                     std::to_string(seen.commit_seq - found.commit_seq) +
                                     " committed batches are missing: restore the newer files"};
  }
  return std::nullopt;
}

}  // namespace troupe
