package io.sambay4j.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * Runs a folder of tests written for Node's own test runner, and hands on each of them as a test of
 * JUnit's.
 */
final class NodeTests {
  private static final Path FOLDERS = Path.of("src", "test").toAbsolutePath();
  private static final int OLDEST_NODE = 20;
  private static final int PATIENCE_MINUTES = 15;
  private static final String HOW_TO_INSTALL =
      "; ci/install-test-tools.sh installs what is missing";

  private NodeTests() {}

  /** A program of the search path. */
  static Optional<Path> program(String... names) {
    return Stream.of(names)
        .flatMap(
            name ->
                Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                    .map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** One test that is skipped, with the reason. */
  static Stream<DynamicTest> skipped(String reason) {
    return Stream.of(dynamicTest("skipped", () -> abort(reason + HOW_TO_INSTALL)));
  }

  /**
   * Runs all tests of a folder.
   *
   * @param folder below {@code src/test}, with its packages installed in {@code node_modules}
   * @param environment variables for the tests, besides those of this process
   * @return a test for each of Node's; a single skipped one where Node or its packages are missing
   */
  static Stream<DynamicTest> run(String folder, Map<String, String> environment)
      throws IOException, InterruptedException {
    Optional<Path> node = program("node");
    if (node.isEmpty() || version(node.get()) < OLDEST_NODE) {
      return skipped("Node %d or later is not installed".formatted(OLDEST_NODE));
    }
    Path home = FOLDERS.resolve(folder);
    if (!Files.isDirectory(home.resolve("node_modules"))) {
      return skipped("the packages of java/server/src/test/%s are not installed".formatted(folder));
    }
    Path results = Path.of("target", "node-" + folder + ".jsonl").toAbsolutePath();
    Path output = Path.of("target", "node-" + folder + ".txt").toAbsolutePath();
    Files.deleteIfExists(results);
    List<String> command = new ArrayList<>(List.of(node.get().toString(), "--test"));
    command.add("--test-concurrency=1");
    command.add("--test-reporter=" + FOLDERS.resolve("node").resolve("reporter.mjs").toUri());
    command.add("--test-reporter-destination=" + results);
    try (Stream<Path> files = Files.list(home)) {
      files
          .map(Path::toString)
          .filter(file -> file.endsWith(".test.mjs"))
          .sorted()
          .forEach(command::add);
    }
    ProcessBuilder builder = new ProcessBuilder(command).directory(home.toFile());
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true).redirectOutput(output.toFile());
    int status = waitFor(builder.start());
    return tests(results, output, status);
  }

  private static int waitFor(Process process) throws InterruptedException {
    try {
      if (!process.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
        return fail("Node's tests did not end within %d minutes".formatted(PATIENCE_MINUTES));
      }
      return process.exitValue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  private static Stream<DynamicTest> tests(Path results, Path output, int status)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    List<DynamicTest> tests = new ArrayList<>();
    for (String line : Files.exists(results) ? Files.readAllLines(results) : List.<String>of()) {
      tests.add(test(mapper.readTree(line)));
    }
    // A file that cannot be loaded must not look like one without tests.
    String printed = Files.readString(output);
    boolean explained = status == 0 || Files.readString(results).contains("\"passed\":false");
    tests.add(
        dynamicTest(
            "Node ended well",
            () -> {
              assertEquals(true, explained, "Node's status was " + status + ": " + printed);
              assertEquals(true, tests.size() > 1, "Node ran no test: " + printed);
            }));
    return tests.stream();
  }

  private static DynamicTest test(JsonNode result) {
    return dynamicTest(
        result.get("name").asText(),
        () -> {
          if (!result.get("skipped").isNull()) {
            abort(result.get("skipped").asText());
          }
          if (!result.get("passed").asBoolean()) {
            fail(result.get("failure").asText());
          }
        });
  }

  private static int version(Path node) throws IOException {
    Process process = new ProcessBuilder(node.toString(), "--version").start();
    String version = new String(process.getInputStream().readAllBytes(), UTF_8);
    Matcher matcher = Pattern.compile("v(\\d+)\\.").matcher(version);
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
  }
}
