package io.sambay4j.backend;

/**
 * What a device reaches at best with all its threads, each per second.
 *
 * @param readBytes bytes read, in order, from memory well beyond the caches
 * @param f32Flops f32 multiplications and additions
 * @param bf16Flops the same for products of bf16 with f32 sums; 0 where the target computes none
 * @param int8Ops the same for products of 8-bit integers with 32-bit sums; 0 where the target has
 *     no instruction for them
 * @param exponentials f32, to the accuracy of the kernels
 * @param copyBytes bytes read and written, together, by a copy of such memory; 0 on the CPU
 */
public record DeviceLimits(
    double readBytes,
    double f32Flops,
    double bf16Flops,
    double int8Ops,
    double exponentials,
    double copyBytes) {
  /** Limits without a copy. */
  public DeviceLimits(
      double readBytes, double f32Flops, double bf16Flops, double int8Ops, double exponentials) {
    this(readBytes, f32Flops, bf16Flops, int8Ops, exponentials, 0);
  }

  /** The better of two measurements, each for itself. */
  public DeviceLimits better(DeviceLimits other) {
    return new DeviceLimits(
        Math.max(readBytes, other.readBytes),
        Math.max(f32Flops, other.f32Flops),
        Math.max(bf16Flops, other.bf16Flops),
        Math.max(int8Ops, other.int8Ops),
        Math.max(exponentials, other.exponentials),
        Math.max(copyBytes, other.copyBytes));
  }
}
