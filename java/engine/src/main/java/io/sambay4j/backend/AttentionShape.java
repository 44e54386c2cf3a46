package io.sambay4j.backend;

/**
 * What an attention layer looks like.
 *
 * @param heads query heads
 * @param kvHeads key and value heads; divides {@code heads}
 * @param headDim width of a head
 * @param window a query sees this many keys, itself included; 0: all before it
 */
public record AttentionShape(int heads, int kvHeads, int headDim, int window) {
  public AttentionShape {
    if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0 || headDim < 1 || window < 0) {
      throw new IllegalArgumentException(
          "no attention with %d heads, %d key/value heads of %d, window %d"
              .formatted(heads, kvHeads, headDim, window));
    }
  }

  /** 1 / sqrt(headDim). */
  public float scale() {
    return (float) (1.0 / Math.sqrt(headDim));
  }
}
