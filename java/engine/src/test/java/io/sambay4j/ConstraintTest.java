package io.sambay4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That a generation says what its constraint allows, and ends where it must. */
@Timeout(120)
final class ConstraintTest {
  /** Allows exactly one text. */
  private static final class Exactly implements TokenConstraint {
    private final int[] text;
    private int said;

    Exactly(int... text) {
      this.text = text;
    }

    @Override
    public TokenMask allowed() {
      return said < text.length ? TokenMask.of(text[said]) : TokenMask.NONE;
    }

    @Override
    public boolean mayEnd() {
      return said == text.length;
    }

    @Override
    public void accept(int token) {
      assertEquals(text[said], token);
      said++;
    }

    @Override
    public TokenConstraint copy() {
      Exactly copy = new Exactly(text);
      copy.said = said;
      return copy;
    }
  }

  @Test
  void theTextIsTheOneAllowedAndTheEndTokenFollows() {
    try (TextModel model = TinyModel.open(3)) {
      GenerationRequest request =
          GenerationRequest.user("What is 17+25?").constraint(() -> new Exactly(7, 300, 9)).build();
      Generation generation = model.generate(request);
      assertEquals(4, generation.tokens().size());
      assertArrayEquals(new int[] {7, 300, 9}, Arrays.copyOf(generation.tokenIds(), 3));
      assertTrue(model.endTokens().contains(generation.endToken().orElseThrow()));
      List<GenerationListener> listeners = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        listeners.add(new GenerationListener() {});
      }
      for (RunningGeneration branch : model.startBranches(request, listeners)) {
        assertArrayEquals(generation.tokenIds(), branch.result().tokenIds(), "a fresh one each");
      }
    }
  }

  @Test
  void withoutEndTokensItEndsWhereNothingMayFollow() {
    try (TextModel model = TinyModel.open(1)) {
      Generation generation =
          model.generate(
              GenerationRequest.tokens(1, 2, 3)
                  .ignoreEndTokens(true)
                  .constraint(() -> new Exactly(5, 6))
                  .build());
      assertArrayEquals(new int[] {5, 6}, generation.tokenIds());
      assertEquals(FinishReason.STOP, generation.finishReason());
      assertEquals(OptionalInt.empty(), generation.endToken());
      Generation empty =
          model.generate(
              GenerationRequest.tokens(1, 2, 3)
                  .ignoreEndTokens(true)
                  .constraint(Exactly::new)
                  .build());
      assertEquals(0, empty.tokens().size());
      assertEquals(FinishReason.STOP, empty.finishReason());
    }
  }

  @Test
  void whereNothingMayFollowNorTheEndTheGenerationFails() {
    TokenConstraint dead =
        new TokenConstraint() {
          @Override
          public TokenMask allowed() {
            return TokenMask.NONE;
          }

          @Override
          public boolean mayEnd() {
            return false;
          }

          @Override
          public void accept(int token) {}

          @Override
          public TokenConstraint copy() {
            return this;
          }
        };
    try (TextModel model = TinyModel.open(1)) {
      GenerationRequest request = GenerationRequest.tokens(1, 2).constraint(() -> dead).build();
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> model.generate(request));
      assertTrue(e.getMessage().contains("the constraint"), e.getMessage());
      assertEquals(1, model.generate(TinyModel.endless(1, 1, 2).build()).tokens().size());
    }
  }
}
