package io.sambay4j.server;

import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The official openai package of npm; the tests are those of {@code src/test/clients}. */
final class OpenAiClientTest {
  @TestFactory
  Stream<DynamicTest> openai() throws IOException, InterruptedException {
    try (TestServer server = new TestServer()) {
      return NodeTests.run(
          "clients",
          Map.of(
              "SERVER", server.address(),
              "KEYED_SERVER", server.keyedAddress(),
              "SCRIPTED_SERVER", server.scriptedAddress(),
              "API_KEY", TestServer.API_KEY));
    }
  }
}
