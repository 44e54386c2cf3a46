package io.sambay4j.cli;

import io.sambay4j.backend.DeviceName;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** Constants as they are written on the command line: in lower case, read in any. */
final class Names {
  private Names() {}

  /** "avx512" of {@code AVX512}. */
  static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  /** Makes options of the type understand these names, and name them when they do not. */
  static <E extends Enum<E>> void register(CommandLine commandLine, Class<E> type) {
    commandLine.registerConverter(type, text -> parse(type, text));
  }

  static DeviceName device(String text) {
    try {
      return DeviceName.parse(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }

  private static <E extends Enum<E>> E parse(Class<E> type, String text) {
    return Arrays.stream(type.getEnumConstants())
        .filter(constant -> constant.name().equalsIgnoreCase(text))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "expected one of %s but was '%s'"
                        .formatted(
                            Arrays.stream(type.getEnumConstants())
                                .map(Names::of)
                                .collect(Collectors.joining(", ")),
                            text)));
  }
}
