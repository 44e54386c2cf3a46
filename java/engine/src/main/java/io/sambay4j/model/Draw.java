package io.sambay4j.model;

/**
 * How the device may choose the token after a chunk's last one, instead of handing out the logits;
 * see {@code docs/sampling.md} from the temperature on.
 *
 * @param temperature in [0, 2]; 0: the largest logit
 * @param topK 0: all
 * @param topP 1: all
 * @param minP 0: all
 * @param random the number that is drawn
 */
public record Draw(double temperature, int topK, double topP, double minP, long random) {}
