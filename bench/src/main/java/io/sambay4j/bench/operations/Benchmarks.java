package io.sambay4j.bench.operations;

import java.lang.reflect.Field;
import java.util.Map;
import org.openjdk.jmh.annotations.Param;

/** Benchmarks outside JMH's own processes: to ask for their work, or to try them. */
final class Benchmarks {
  private Benchmarks() {}

  /** An instance of the class of that simple name with its {@link Param} fields set. */
  static OperationBenchmark withParameters(String name, Map<String, String> parameters) {
    try {
      Class<?> type = Class.forName(Benchmarks.class.getPackageName() + "." + name);
      OperationBenchmark benchmark =
          (OperationBenchmark) type.getDeclaredConstructor().newInstance();
      for (Map.Entry<String, String> parameter : parameters.entrySet()) {
        Field field = type.getField(parameter.getKey());
        field.set(benchmark, parse(parameter.getValue(), field.getType()));
      }
      return benchmark;
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException(
          "no benchmark %s with parameters %s".formatted(name, parameters), e);
    }
  }

  private static Object parse(String value, Class<?> type) {
    if (type == int.class) {
      return Integer.valueOf(value);
    }
    if (type == boolean.class) {
      return Boolean.valueOf(value);
    }
    if (type.isEnum()) {
      for (Object constant : type.getEnumConstants()) {
        if (((Enum<?>) constant).name().equals(value)) {
          return constant;
        }
      }
      throw new IllegalArgumentException(value + " is no " + type.getSimpleName());
    }
    return value;
  }
}
