package io.sambay4j.backend;

/**
 * The product with a quantised weight. A group of 32 columns of x is rounded to 8 bits, and
 *
 * <p>p[o] = sum over the groups, from the first to the last, of (f32(sum of code of x * code of W)
 * * scale of W) * scale of x
 *
 * <p>with each step rounded to f32, which fixes every bit: the native kernels give the same.
 */
final class ReferenceQuantizedProduct {
  /** A group of smaller magnitude counts as zero: its scale would be no normal number. */
  private static final float SMALLEST = 0x1p-100f;

  private final ReferenceWeight weight;
  private final int[] codes;
  private final float[] scales;

  ReferenceQuantizedProduct(ReferenceWeight weight) {
    this.weight = weight;
    this.codes = new int[weight.cols()];
    this.scales = new float[weight.cols() / DType.GROUP];
  }

  /** Rounds row t of x; its products are asked for next. */
  void round(ReferenceMatrix x, int t) {
    for (int g = 0; g < scales.length; g++) {
      float largest = 0;
      for (int i = 0; i < DType.GROUP; i++) {
        largest = Math.max(largest, Math.abs(x.get(t, g * DType.GROUP + i))); // NaN stays
      }
      boolean counts = Float.isFinite(largest) && largest >= SMALLEST;
      float inverse = counts ? 127 / largest : 0;
      scales[g] = counts ? largest / 127 : Float.isFinite(largest) ? 0 : Float.NaN;
      for (int i = g * DType.GROUP; i < (g + 1) * DType.GROUP; i++) {
        codes[i] = counts ? (int) Math.rint(x.get(t, i) * inverse) : 0;
      }
    }
  }

  /** The product of the rounded row and row o of the weight. */
  float product(int o) {
    float sum = 0;
    for (int g = 0; g < scales.length; g++) {
      int dot = 0;
      for (int i = g * DType.GROUP; i < (g + 1) * DType.GROUP; i++) {
        dot += codes[i] * weight.code(o, i);
      }
      sum += dot * weight.scale(o, g * DType.GROUP) * scales[g];
    }
    return sum;
  }
}
