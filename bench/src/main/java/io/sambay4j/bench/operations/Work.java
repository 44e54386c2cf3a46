package io.sambay4j.bench.operations;

import io.sambay4j.backend.DeviceLimits;

/**
 * What one call cannot avoid, whoever computes it.
 *
 * @param bytes read from or written to memory: of operands that are not in the caches
 * @param f32Flops multiplications and additions in f32
 * @param bf16Flops those whose factors are both bf16, which some targets do faster
 * @param int8Ops those of 8-bit integers, faster still on some targets
 * @param exponentials as named
 */
public record Work(
    double bytes, double f32Flops, double bf16Flops, double int8Ops, double exponentials) {

  /** Work without products of integers. */
  public Work(double bytes, double f32Flops, double bf16Flops, double exponentials) {
    this(bytes, f32Flops, bf16Flops, 0, exponentials);
  }

  /** Seconds that a device with these limits needs at least: memory and arithmetic may overlap. */
  public double floor(DeviceLimits limits) {
    return Math.max(memory(limits), arithmetic(limits));
  }

  /** Which of the two the floor is. */
  public String bound(DeviceLimits limits) {
    return memory(limits) >= arithmetic(limits) ? "memory" : "arithmetic";
  }

  /** The bytes at the rate of a copy, as a part of {@code seconds}; 0 where that is not known. */
  public double ofCopy(DeviceLimits limits, double seconds) {
    return limits.copyBytes() > 0 ? bytes / limits.copyBytes() / seconds : 0;
  }

  /** Products of bf16 at their best rate, as a part of {@code seconds}; 0 where there are none. */
  public double ofMatrix(DeviceLimits limits, double seconds) {
    return limits.bf16Flops() > 0 ? bf16Flops / limits.bf16Flops() / seconds : 0;
  }

  private double memory(DeviceLimits limits) {
    return bytes / limits.readBytes();
  }

  /** Products and exponentials come from the same units, one after the other. */
  private double arithmetic(DeviceLimits limits) {
    double bf16Rate = limits.bf16Flops() > 0 ? limits.bf16Flops() : limits.f32Flops();
    double int8Rate = limits.int8Ops() > 0 ? limits.int8Ops() : limits.f32Flops();
    return f32Flops / limits.f32Flops()
        + bf16Flops / bf16Rate
        + int8Ops / int8Rate
        + exponentials / limits.exponentials();
  }
}
