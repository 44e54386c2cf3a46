#include "plain_scan.h"

#include <math.h>

void run_plain_scan(const struct plain_scan* scan, int64_t first, int64_t end) {
  const int64_t inner = scan->inner, states = scan->states;
  for (int64_t t = 0; t < scan->tokens; ++t) {
    const float* b = scan->b + t * states;
    const float* c = scan->c + t * states;
    for (int64_t i = first; i < end; ++i) {
      const float raw = scan->delta[t * inner + i] + scan->delta_bias[i];
      const float delta = raw > 20 ? raw : log1pf(expf(raw));
      const float x = scan->x[t * inner + i];
      const float* a = scan->a + i * states;
      float* state = scan->state + i * states;
      float y = scan->d[i] * x;
      for (int64_t n = 0; n < states; ++n) {
        state[n] = expf(delta * a[n]) * state[n] + delta * b[n] * x;
        y += state[n] * c[n];
      }
      const float z = scan->z[t * inner + i];
      scan->y[t * inner + i] = y * (z / (1 + expf(-z)));
    }
  }
}
