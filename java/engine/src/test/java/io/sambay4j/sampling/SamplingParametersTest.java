package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SamplingParametersTest {

  static Stream<Arguments> realFields() {
    return Stream.of(
        real("temperature", "[0, 2]", 0, 2, SamplingParameters.Builder::temperature),
        real("topP", "[0, 1]", 0, 1, SamplingParameters.Builder::topP),
        real("minP", "[0, 1]", 0, 1, SamplingParameters.Builder::minP),
        real(
            "repetitionPenalty",
            "[0.01, 10]",
            0.01,
            10,
            SamplingParameters.Builder::repetitionPenalty),
        real("presencePenalty", "[-2, 2]", -2, 2, SamplingParameters.Builder::presencePenalty),
        real("frequencyPenalty", "[-2, 2]", -2, 2, SamplingParameters.Builder::frequencyPenalty),
        real(
            "logitBias of token 7",
            "[-100, 100]",
            -100,
            100,
            (builder, value) -> builder.logitBias(Map.of(7, value))));
  }

  private static Arguments real(
      String field,
      String range,
      double min,
      double max,
      BiFunction<SamplingParameters.Builder, Double, SamplingParameters.Builder> set) {
    return Arguments.of(field, range, min, max, set);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("realFields")
  void realFieldsAreCheckedAtAndPastBothEnds(
      String field,
      String range,
      double min,
      double max,
      BiFunction<SamplingParameters.Builder, Double, SamplingParameters.Builder> set) {
    set.apply(SamplingParameters.builder(), min).build();
    set.apply(SamplingParameters.builder(), max).build();
    double[] refused = {
      Math.nextDown(min),
      Math.nextUp(max),
      -1e300,
      1e300,
      Double.NaN,
      Double.POSITIVE_INFINITY,
      Double.NEGATIVE_INFINITY
    };
    for (double value : refused) {
      SamplingParameters.Builder builder = set.apply(SamplingParameters.builder(), value);
      assertRefused(field + " must be in " + range + " but was " + value, builder);
    }
  }

  static Stream<Arguments> wholeFields() {
    return Stream.of(
        whole("topK", 0, 1_048_576, SamplingParameters.Builder::topK),
        whole("logProbabilities", 0, 20, SamplingParameters.Builder::logProbabilities),
        whole(
            "token id in logitBias",
            0,
            1_048_575,
            (builder, value) -> builder.logitBias(Map.of(value, 1.0))));
  }

  private static Arguments whole(
      String field,
      int min,
      int max,
      BiFunction<SamplingParameters.Builder, Integer, SamplingParameters.Builder> set) {
    return Arguments.of(field, min, max, set);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("wholeFields")
  void wholeFieldsAreCheckedAtAndPastBothEnds(
      String field,
      int min,
      int max,
      BiFunction<SamplingParameters.Builder, Integer, SamplingParameters.Builder> set) {
    set.apply(SamplingParameters.builder(), min).build();
    set.apply(SamplingParameters.builder(), max).build();
    for (int value : new int[] {min - 1, max + 1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      SamplingParameters.Builder builder = set.apply(SamplingParameters.builder(), value);
      assertRefused(field + " must be in [" + min + ", " + max + "] but was " + value, builder);
    }
  }

  private static void assertRefused(String message, SamplingParameters.Builder builder) {
    assertEquals(
        message, assertThrows(IllegalArgumentException.class, builder::build).getMessage());
  }

  @Test
  void theMessageNamesFieldRangeAndValue() {
    assertRefused(
        "temperature must be in [0, 2] but was NaN",
        SamplingParameters.builder().temperature(Double.NaN));
    assertRefused(
        "temperature must be in [0, 2] but was -1", SamplingParameters.builder().temperature(-1));
  }

  @Test
  void theRecordsOwnConstructorChecksToo() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new SamplingParameters(3, 0, 1, 0, 1, 0, 0, Map.of(), OptionalLong.empty(), 0));
  }

  @Test
  void anySeedIsAllowed() {
    for (long seed : new long[] {Long.MIN_VALUE, -1, 0, Long.MAX_VALUE}) {
      assertEquals(OptionalLong.of(seed), SamplingParameters.builder().seed(seed).build().seed());
    }
    assertTrue(SamplingParameters.builder().seed(1).randomSeed().build().seed().isEmpty());
  }

  @Test
  void defaultsAreTheModelsOwnDistribution() {
    assertEquals(
        new SamplingParameters(1, 0, 1, 0, 1, 0, 0, Map.of(), OptionalLong.empty(), 0),
        SamplingParameters.builder().build());
  }

  @Test
  void toBuilderKeepsEveryField() {
    SamplingParameters parameters =
        new SamplingParameters(
            0.6, 40, 0.95, 0.05, 1.1, 0.5, -0.5, Map.of(3, -100.0), OptionalLong.of(7), 5);
    assertEquals(parameters, parameters.toBuilder().build());
    assertEquals(0.7, parameters.toBuilder().temperature(0.7).build().temperature());
  }

  @Test
  void greedyIsTemperatureZero() {
    assertTrue(SamplingParameters.greedy().isGreedy());
    assertFalse(SamplingParameters.builder().temperature(Double.MIN_VALUE).build().isGreedy());
  }

  @Test
  void logitBiasIsCopied() {
    Map<Integer, Double> bias = new HashMap<>(Map.of(1, 2.0));
    SamplingParameters parameters = SamplingParameters.builder().logitBias(bias).build();
    bias.put(1, 1000.0);
    assertEquals(Map.of(1, 2.0), parameters.logitBias());
    assertThrows(UnsupportedOperationException.class, () -> parameters.logitBias().put(2, 1.0));
  }

  @Test
  @SuppressWarnings("NullAway") // a JSON parser does not know of NullAway
  void aNullInLogitBiasIsRefused() {
    Map<Integer, Double> bias = new HashMap<>();
    bias.put(5, null);
    assertRefused(
        "logitBias must map token ids to numbers but maps 5 to null",
        SamplingParameters.builder().logitBias(bias));
  }
}
