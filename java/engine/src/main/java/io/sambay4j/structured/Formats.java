package io.sambay4j.structured;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The values of {@code format} that a schema may give to a string, as regular expressions. */
final class Formats {
  private static final String DATE =
      "[0-9]{4}-(((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01]))"
          + "|((0[469]|11)-(0[1-9]|[12][0-9]|30))|(02-(0[1-9]|1[0-9]|2[0-8])))";
  private static final String CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?";
  private static final String OFFSET = "(\\+(0[0-9]|1[0-3])|-(0[0-9]|1[01])):[0-5][0-9]";
  private static final String DURATION_TIME =
      "T([0-9]{1,6}H([0-9]{1,6}M([0-9]{1,6}S)?)?|[0-9]{1,6}M([0-9]{1,6}S)?|[0-9]{1,6}S)";
  private static final String DURATION_DATE =
      "([0-9]{1,6}Y([0-9]{1,6}M([0-9]{1,6}D)?)?|[0-9]{1,6}M([0-9]{1,6}D)?|[0-9]{1,6}D)";
  private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";

  private static final Map<String, String> EXPRESSIONS =
      Map.of(
          "date",
          DATE,
          "time",
          CLOCK + "Z",
          "date-time",
          DATE + "T" + CLOCK + "(Z|" + OFFSET + ")",
          "duration",
          "P(%s(%s)?|%s|[0-9]{1,6}W)".formatted(DURATION_DATE, DURATION_TIME, DURATION_TIME),
          "uuid",
          "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
          "email",
          ATOM + "(\\." + ATOM + "){0,2}@(" + LABEL + "\\.){1,2}[A-Za-z]{2,12}",
          "hostname",
          LABEL + "(\\." + LABEL + "){0,2}",
          "ipv4",
          "(%s\\.){3}%s".formatted(BYTE, BYTE),
          "ipv6",
          "([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}",
          "uri",
          "[A-Za-z][A-Za-z0-9+.-]{0,15}://"
              + LABEL
              + "(\\."
              + LABEL
              + "){0,2}(:[0-9]{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@/-]{0,400})?");

  private Formats() {}

  /** The regular expression of a format, or null. */
  static @Nullable String expression(String format) {
    return EXPRESSIONS.get(format);
  }

  /** All formats, for messages. */
  static Set<String> names() {
    return new TreeSet<>(EXPRESSIONS.keySet());
  }
}
