package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That steps and requests can be seen in a flight recording. */
@Timeout(300)
final class FlightRecorderTest {
  @Test
  void stepsAndRequestsAreRecorded() throws Exception {
    BlockingQueue<RecordedEvent> steps = new LinkedBlockingQueue<>();
    BlockingQueue<RecordedEvent> requests = new LinkedBlockingQueue<>();
    try (RecordingStream stream = new RecordingStream();
        TextModel model =
            TextModel.builder(TinyModel.DIRECTORY).sequences(2).prefixCacheBytes(10 << 20).open()) {
      stream.setReuse(false);
      stream.enable("io.sambay4j.Step");
      stream.enable("io.sambay4j.Request");
      stream.onEvent("io.sambay4j.Step", steps::add);
      stream.onEvent("io.sambay4j.Request", requests::add);
      stream.startAsync();
      int[] prompt = TinyModel.tokens(new Random(1), 200);
      model.generate(endless(5, prompt).build());
      model.generate(endless(5, prompt).build());
      RunningGeneration cancelled =
          model.start(endless(4000 - 200, prompt).build(), new GenerationListener() {});
      cancelled.cancel();
      cancelled.result();
      RecordedEvent first = requests.poll(120, TimeUnit.SECONDS);
      RecordedEvent second = requests.poll(120, TimeUnit.SECONDS);
      RecordedEvent third = requests.poll(120, TimeUnit.SECONDS);
      assertNotNull(third);
      assertEquals(200, first.getInt("promptTokens"));
      assertEquals(0, first.getInt("cachedTokens"));
      assertEquals(5, first.getInt("generatedTokens"));
      assertEquals("LENGTH", first.getString("finishReason"));
      assertTrue(first.getDuration("promptTime").toNanos() > 0);
      assertTrue(first.getDuration("generationTime").toNanos() > 0);
      assertTrue(first.getDuration("waiting").toNanos() > 0);
      assertEquals(199, second.getInt("cachedTokens"));
      assertEquals("CANCELLED", third.getString("finishReason"));
      int promptRows = 0;
      int decodeRows = 0;
      while (promptRows < 201 || decodeRows < 8) {
        RecordedEvent step = steps.poll(120, TimeUnit.SECONDS);
        assertNotNull(step, "prompt rows %d, decode rows %d".formatted(promptRows, decodeRows));
        assertEquals(step.getInt("rows"), step.getInt("promptRows") + step.getInt("decodeRows"));
        assertTrue(step.getInt("sequences") >= 1 && step.getDuration().toNanos() > 0);
        promptRows += step.getInt("promptRows");
        decodeRows += step.getInt("decodeRows");
      }
    }
  }
}
