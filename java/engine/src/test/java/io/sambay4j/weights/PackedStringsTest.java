package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A list of strings that is one array. */
final class PackedStringsTest {
  @Test
  void itIsTheListOfWhatWasAdded() {
    Random random = new Random(5);
    List<String> plain = new ArrayList<>(List.of("", "a", "\u0120the", "\ud83d\ude00", ""));
    for (int i = 0; i < 3_000; i++) {
      plain.add("x".repeat(random.nextInt(20)) + (char) (0x100 + random.nextInt(68)));
    }
    plain.add("y".repeat(100_000));
    PackedStrings packed = new PackedStrings(plain.size());
    for (String text : plain) {
      packed.append(StandardCharsets.UTF_8.encode(text));
    }
    assertEquals(plain, packed);
    assertEquals(plain.size(), packed.size());
    assertThrows(IndexOutOfBoundsException.class, () -> packed.get(plain.size()));
    assertThrows(IndexOutOfBoundsException.class, () -> packed.get(-1));
    assertThrows(UnsupportedOperationException.class, () -> packed.add("z"));
    assertEquals(List.of(), new PackedStrings(0));
  }
}
