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
 */
public record DeviceLimits(
    double readBytes, double f32Flops, double bf16Flops, double int8Ops, double exponentials) {}
