package io.sambay4j.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The web page in a real Chromium; the tests are those of {@code src/test/browser}. */
final class BrowserTest {
  @TestFactory
  Stream<DynamicTest> page() throws IOException, InterruptedException {
    Optional<Path> chromium = NodeTests.program("chromium", "chromium-browser", "google-chrome");
    if (chromium.isEmpty()) {
      return NodeTests.skipped("Chromium is not installed");
    }
    try (TestServer server = new TestServer()) {
      return NodeTests.run(
          "browser",
          Map.of(
              "CHROMIUM", chromium.get().toString(),
              "SERVER", server.address(),
              "KEYED_SERVER", server.keyedAddress(),
              "API_KEY", TestServer.API_KEY));
    }
  }
}
