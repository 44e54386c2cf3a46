package io.sambay4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.json.JsonFields;
import io.sambay4j.model.RopeConfig.LongRope;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the rotary embedding of a dense {@code config.json}: {@code rope_theta}, {@code
 * partial_rotary_factor} and {@code rope_scaling}, or all of them inside {@code rope_parameters} as
 * newer libraries write them.
 */
final class PhiRopeReader {
  private static final String SHORT_FACTOR = "short_factor";
  private static final String LONG_FACTOR = "long_factor";
  private static final String ORIGINAL = "original_max_position_embeddings";

  private final JsonFields config;
  private final @Nullable JsonFields scaling;
  private final int headDim;
  private final int maxPositions;

  PhiRopeReader(JsonFields config, int headDim, int maxPositions) {
    this.config = config;
    JsonFields older = config.optionalObject("rope_scaling");
    this.scaling = older != null ? older : config.optionalObject("rope_parameters");
    this.headDim = headDim;
    this.maxPositions = maxPositions;
  }

  RopeConfig rope() {
    double theta = number("rope_theta", 10_000, 1, RopeConfig.MAX_THETA);
    double part = number("partial_rotary_factor", 1, Double.MIN_VALUE, 1);
    return new RopeConfig(theta, (int) (part * headDim), longRope());
  }

  private @Nullable LongRope longRope() {
    if (scaling == null) {
      return null;
    }
    String field = scaling.has("rope_type") ? "rope_type" : "type";
    String type = scaling.string(field);
    if (type.equals("default")) {
      return null;
    }
    if (!type.equals("longrope") && !type.equals("su")) { // its first name
      throw scaling.invalid(field, "longrope, the only scaling supported, or default");
    }
    JsonFields named = scaling.has(ORIGINAL) ? scaling : config;
    int original = named.integer(ORIGINAL, maxPositions, 2, ModelConfig.MAX_POSITIONS);
    double extension =
        named.has(ORIGINAL)
            ? (double) maxPositions / original
            : scaling.number("factor", 1, 1, ModelConfig.MAX_POSITIONS);
    Double scale =
        scaling.optionalNumber("attention_factor", Double.MIN_VALUE, RopeConfig.MAX_SCALE);
    return new LongRope(
        original,
        factors(scaling, SHORT_FACTOR),
        factors(scaling, LONG_FACTOR),
        scale != null ? scale : LongRope.publishedScale(extension, original));
  }

  private static List<Double> factors(JsonFields scaling, String field) {
    JsonNode list = scaling.array(field);
    List<Double> factors = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      double factor = list.get(i).isNumber() ? list.get(i).doubleValue() : Double.NaN;
      if (!(factor > 0 && factor <= RopeConfig.MAX_FACTOR)) { // also where it is NaN
        throw scaling.invalid(
            field + "[" + i + "]", list.get(i), "a number over 0, up to " + RopeConfig.MAX_FACTOR);
      }
      factors.add(factor);
    }
    return factors;
  }

  private double number(String field, double absent, double min, double max) {
    JsonFields within = scaling != null && scaling.has(field) ? scaling : config;
    return within.number(field, absent, min, max);
  }
}
