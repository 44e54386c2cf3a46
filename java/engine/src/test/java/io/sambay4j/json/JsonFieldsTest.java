package io.sambay4j.json;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Inner objects and arrays, and how complaints name them. */
class JsonFieldsTest {
  private static JsonFields fields(String json) {
    return new JsonFields(
        StrictJson.parseObject(json.getBytes(StandardCharsets.UTF_8), "file"), "file");
  }

  @Test
  void innerFieldsAreNamedByTheirPath() {
    JsonFields root = fields("{\"a\":{\"b\":[{\"c\":1},{\"c\":-1,\"d d\":{}}]}}");
    List<JsonFields> list = root.object("a").objects("b");
    assertEquals(1, list.get(0).integer("c", 0, 9));
    assertRefused(
        () -> list.get(1).integer("c", 0, 9),
        "file: a.b[1].c is '-1', expected an integer from 0 to 9");
    assertRefused(
        () -> list.get(1).object("d d").string("e"),
        "file: a.b[1]['d d'].e is missing, expected a string");
    assertEquals("file: a.b[1].x", list.get(1).where("x"));
    assertEquals(List.of("c", "d d"), List.copyOf(list.get(1).names()));
  }

  @Test
  void whatIsAbsentOrOfAnotherType() {
    JsonFields root = fields("{\"none\":null,\"number\":5,\"list\":[1]}");
    assertNull(root.optionalObject("none"));
    assertNull(root.optionalObject("absent"));
    assertRefused(() -> root.objects("none"), "none is 'null', expected an array");
    assertRefused(() -> root.object("none"), "none is 'null', expected an object");
    assertRefused(() -> root.array("absent"), "absent is missing, expected an array");
    assertRefused(() -> root.optionalObject("number"), "number is '5', expected an object");
    assertRefused(() -> root.array("number"), "number is '5', expected an array");
    assertRefused(() -> root.objects("list"), "list[0] is '1', expected an object");
    assertRefused(() -> root.string("number"), "number is '5', expected a string");
  }

  @Test
  void namesThatWouldSpoilAMessageAreQuoted() {
    JsonFields root = fields("{\"a\\nb\":1,\"" + "x".repeat(10_000) + "\":2}");
    assertRefused(() -> root.string("a\nb"), "file: ['a\\u000ab'] is '1'");
    assertRefused(() -> root.string("x".repeat(10_000)), "xxx…'] is '2'");
  }
}
