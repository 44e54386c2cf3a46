package io.sambay4j.backend;

/**
 * Keys and values kept from earlier tokens of the sequences of a batch, in blocks of {@code
 * blockTokens} rows. The row of position j of sequence s is
 *
 * <pre>table[s * tableCols + (j / blockTokens) % tableCols] * blockTokens + j % blockTokens</pre>
 *
 * so that one formula serves both kinds of cache: a growing one lists its blocks in the table; a
 * ring of W rows per state slot is {@code blockTokens = W}, {@code tableCols = 1}, {@code table[s]
 * = slot[s]}.
 *
 * @param keys [blocks * blockTokens, kvHeads * headDim]
 * @param values the same
 * @param table [sequences, tableCols], not copied
 */
@SuppressWarnings("ArrayRecordComponent")
public record KeyValueView(
    Tensor keys, Tensor values, int blockTokens, int tableCols, int[] table) {
  public KeyValueView {
    if (blockTokens < 1 || tableCols < 1 || table.length % tableCols != 0) {
      throw new IllegalArgumentException(
          "no key/value view of blocks of %d rows with %d table entries in %d columns"
              .formatted(blockTokens, table.length, tableCols));
    }
    if (keys.rows() != values.rows() || keys.cols() != values.cols()) {
      throw new IllegalArgumentException("keys %s and values %s differ".formatted(keys, values));
    }
  }

  /** Row of the pool that holds position j of sequence s. */
  public int row(int s, int j) {
    return table[s * tableCols + (j / blockTokens) % tableCols] * blockTokens + j % blockTokens;
  }

  /** How many positions a sequence can keep before the oldest is overwritten. */
  public int capacity() {
    return blockTokens * tableCols;
  }
}
