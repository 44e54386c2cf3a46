package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.KeyValueView;
import io.sambay4j.backend.Tensor;

/** Keys and values of several sequences of equal length, in blocks as the engine keeps them. */
final class Cache {
  private static final int BLOCK_TOKENS = 64;

  private final KeyValueView[] views;

  /** Room for {@code tokens} of each of so many sequences; {@code columns} = kvHeads * headDim. */
  Cache(Backend backend, DType dtype, int columns, int tokens, int sequences) {
    int blocks = (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
    int rows = sequences * blocks * BLOCK_TOKENS;
    Tensor keys = Operands.tensor(backend, dtype, rows, columns);
    Tensor values = Operands.tensor(backend, dtype, rows, columns);
    views = new KeyValueView[sequences];
    for (int s = 0; s < sequences; s++) {
      int[] table = new int[blocks];
      for (int i = 0; i < blocks; i++) {
        table[i] = s * blocks + i;
      }
      views[s] = new KeyValueView(keys, values, BLOCK_TOKENS, blocks, table);
    }
  }

  KeyValueView of(int sequence) {
    return views[sequence];
  }

  /** Keys that queries at positions context .. context + rows - 1 see, all together. */
  static double visibleKeys(int context, int rows, int window) {
    double keys = 0;
    for (int position = context; position < context + rows; position++) {
      keys += window == 0 ? position + 1 : Math.min(position + 1, window);
    }
    return keys;
  }

  /** Keys of the {@code context} that the first of these queries sees. */
  static int cachedKeys(int context, int window) {
    return window == 0 ? context : Math.min(context, window - 1);
  }
}
