package io.sambay4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Arrows never point up: api → runtime → model → backend → bindings, with tokenizer, sampling and
 * weights beside, and json below them.
 */
final class PackageLayersTest {
  private static final String ROOT = "io.sambay4j";

  /** What a package may use besides itself; "" is the API. */
  private static final Map<String, Set<String>> ALLOWED =
      Map.ofEntries(
          Map.entry("", Set.of("runtime", "model", "backend", "tokenizer", "sampling", "weights")),
          Map.entry("runtime", Set.of("model")),
          Map.entry("model", Set.of("backend", "weights", "json")),
          Map.entry("backend", Set.of("bindings", "bindings.global", "weights")),
          Map.entry("answer", Set.of("structured", "tokenizer", "sampling")),
          Map.entry("structured", Set.of("tokenizer", "sampling", "json")),
          Map.entry("tokenizer", Set.of("tokenizer.jinja", "json")),
          Map.entry("tokenizer.jinja", Set.of()),
          Map.entry("sampling", Set.of()),
          Map.entry("weights", Set.of("json")),
          Map.entry("hub", Set.of("weights", "json")),
          Map.entry("json", Set.of()));

  /** The words that everybody may speak: the exceptions, and what a conversation is made of. */
  private static final Set<String> COMMON =
      Set.of(
          "InvalidModelException",
          "NativeException",
          "OutOfDeviceMemoryException",
          "EngineBusyException",
          "ChatMessage",
          "answer.ToolCall");

  private static final Pattern NAME =
      Pattern.compile("\\bio\\.sambay4j((?:\\.[a-z][a-z0-9_]*)*)\\.([A-Za-z]\\w*)");

  @Test
  void arrowsPointDown() throws IOException {
    Path sources =
        Path.of(System.getProperty("sambay.root", "."), "java/engine/src/main/java/io/sambay4j");
    List<String> upward = new ArrayList<>();
    Set<String> packages = new TreeSet<>();
    List<Path> files;
    try (Stream<Path> all = Files.walk(sources)) {
      files = all.filter(file -> file.toString().endsWith(".java")).toList();
    }
    for (Path file : files) {
      Path parent = file.getParent();
      String from =
          parent.equals(sources) ? "" : sources.relativize(parent).toString().replace('/', '.');
      packages.add(from);
      Set<String> allowed = ALLOWED.getOrDefault(from, Set.of());
      Matcher names = NAME.matcher(code(Files.readString(file)));
      while (names.find()) {
        String to = names.group(1).isEmpty() ? "" : names.group(1).substring(1);
        String word = to.isEmpty() ? names.group(2) : to + "." + names.group(2);
        boolean common = COMMON.contains(word);
        if (!to.equals(from) && !common && !allowed.contains(to)) {
          upward.add("%s uses %s".formatted(sources.relativize(file), names.group()));
        }
      }
    }
    assertEquals(new TreeSet<>(ALLOWED.keySet()), packages, "packages of " + ROOT);
    assertTrue(files.size() > 100, "sources found: " + files.size());
    assertEquals(List.of(), upward);
  }

  /** Without comments, which may point anywhere, names of events, and the package's own name. */
  private static String code(String source) {
    return source
        .replaceAll("(?s)/\\*.*?\\*/", "")
        .replaceAll("(?m)//.*$", "")
        .replaceAll("(?m)^@Name\\(\"[^\"]*\"\\)$", "") // of flight recorder events
        .replaceAll("(?m)^package .*$", "");
  }
}
