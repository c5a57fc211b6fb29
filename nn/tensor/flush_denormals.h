// Denormal numbers made one convolution 47 times slower and mean nothing in training: while this lives, the thread
// treats them as zero, in operands and in results. Part of what a run's bits depend on.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace troupe::nn {

class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | flush_to_zero | denormals_are_zero); }
  ~FlushDenormals() { _mm_setcsr(before_); }
#else
  FlushDenormals() {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned flush_to_zero = 0x8000;
  static constexpr unsigned denormals_are_zero = 0x0040;
  unsigned before_;
#endif
};

}  // namespace troupe::nn
