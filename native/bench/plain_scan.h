#ifndef SAMBAY_BENCH_PLAIN_SCAN_H_
#define SAMBAY_BENCH_PLAIN_SCAN_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The selective scan as one would write it down, for comparison: f32, row-major, one channel at a time, states
// innermost.
struct plain_scan {
  int64_t tokens, inner, states;
  const float *x, *delta, *z;   // [tokens, inner]
  const float *b, *c;           // [tokens, states]
  const float* a;               // [inner, states]
  const float *delta_bias, *d;  // [inner]
  float* state;                 // [inner, states]
  float* y;                     // [tokens, inner]
};

// Channels first .. end - 1.
void run_plain_scan(const struct plain_scan* scan, int64_t first, int64_t end);

#ifdef __cplusplus
}
#endif

#endif  // SAMBAY_BENCH_PLAIN_SCAN_H_
