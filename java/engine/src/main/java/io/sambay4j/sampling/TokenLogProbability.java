package io.sambay4j.sampling;

/**
 * A token and the natural logarithm of the probability the model gives it.
 *
 * @param token the id
 * @param logProbability at most 0
 */
public record TokenLogProbability(int token, double logProbability) {}
