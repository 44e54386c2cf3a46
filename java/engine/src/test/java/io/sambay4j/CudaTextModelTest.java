package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.CudaHost;
import io.sambay4j.sampling.SamplingParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The model in the box, whole, on the device cuda beside the reference. */
@Tag("cuda")
@Timeout(240)
final class CudaTextModelTest {
  @SuppressWarnings("NullAway.Init")
  private static TextModel cuda;

  @SuppressWarnings("NullAway.Init")
  private static TextModel reference;

  @BeforeAll
  static void open() {
    cuda = openCuda(4);
    reference = TinyModel.builder().device("reference").sequences(4).open();
  }

  private static TextModel openCuda(int sequences) {
    try (CudaHost.Named named = CudaHost.name()) {
      return TinyModel.builder()
          .device("cuda")
          .contextLimit(512)
          .sequences(sequences)
          .stepTokens(64)
          .open();
    }
  }

  @AfterAll
  static void close() {
    for (TextModel model : new TextModel[] {cuda, reference}) {
      if (model != null) {
        model.close();
      }
    }
  }

  @Test
  void theSameAnswers() {
    for (String question : TinyModel.QUESTIONS.subList(0, 2)) {
      GenerationRequest request = GenerationRequest.user(question).maxTokens(12).build();
      assertEquals(reference.generate(request).text(), cuda.generate(request).text());
    }
  }

  /** Chosen on the device, and by Java from logits: alternatives bring them down. */
  @Test
  void theSameTokensWhoeverSamples() {
    SamplingParameters sampling =
        SamplingParameters.builder().temperature(0.9).topP(0.95).topK(50).seed(11).build();
    int[] onDevice = cuda.generate(endless(10, 1, 2, 3).sampling(sampling).build()).tokenIds();
    SamplingParameters alternatives = sampling.toBuilder().logProbabilities(2).build();
    Generation inJava = cuda.generate(endless(10, 1, 2, 3).sampling(alternatives).build());
    assertArrayEquals(inJava.tokenIds(), onDevice);
    assertEquals(2, inJava.tokens().get(0).alternatives().size());
    assertArrayEquals(
        reference.generate(endless(10, 1, 2, 3).sampling(sampling).build()).tokenIds(), onDevice);
  }

  /** Prompts are read while others decode; each gets what it gets alone. */
  @Test
  void stepsOfPromptsAndTokensMix() {
    List<int[]> alone = new ArrayList<>();
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int[] prompt = TinyModel.tokens(new java.util.Random(i), 5 + 40 * (i % 2));
      GenerationRequest request = endless(4 + i, prompt).build();
      requests.add(request);
      alone.add(cuda.generate(request).tokenIds());
    }
    List<RunningGeneration> running = new ArrayList<>();
    for (GenerationRequest request : requests) {
      running.add(cuda.start(request, new GenerationListener() {}));
    }
    for (int i = 0; i < 4; i++) {
      assertArrayEquals(alone.get(i), running.get(i).result().tokenIds(), "request " + i);
    }
  }

  @Test
  void cancellingBetweenLaunches() throws Exception {
    CountDownLatch begun = new CountDownLatch(3);
    RunningGeneration running =
        cuda.start(
            endless(400, 1).build(),
            new GenerationListener() {
              @Override
              public void onToken(GeneratedToken token) {
                begun.countDown();
              }
            });
    assertTrue(begun.await(60, TimeUnit.SECONDS), "three tokens within a minute");
    running.cancel();
    Generation cancelled = running.result();
    assertEquals(FinishReason.CANCELLED, cancelled.finishReason());
    assertTrue(cancelled.tokens().size() >= 3);
    assertEquals(2, cuda.generate(endless(2, 1).build()).tokens().size());
  }

  @Test
  void sessionsGoOnAndForkOnTheDevice() {
    int[] want = cuda.generate(endless(3, 1, 2, 3, 4, 5).build()).tokenIds();
    try (Session session = cuda.newSession()) {
      session.appendTokens(1, 2, 3);
      try (Session fork = session.fork()) {
        fork.appendTokens(9, 9, 9);
        assertArrayEquals(want, session.generate(endless(3, 4, 5).build()).tokenIds());
      }
    }
  }

  @Test
  void twoModelsOnOneCard() {
    int[] want = cuda.generate(endless(3, 7, 8).build()).tokenIds();
    try (TextModel second = openCuda(1)) {
      assertArrayEquals(want, second.generate(endless(3, 7, 8).build()).tokenIds());
    }
    assertArrayEquals(want, cuda.generate(endless(3, 7, 8).build()).tokenIds());
  }
}
