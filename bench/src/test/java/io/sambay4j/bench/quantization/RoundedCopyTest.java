package io.sambay4j.bench.quantization;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelQuantizer;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.model.WeightFormat;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoundedCopyTest {
  private static final Path MODEL =
      Path.of(System.getProperty("sambay.root", ".."), "models", "tiny-reasoner");

  @Test
  void aCopyComputesAsTheQuantisedDirectoryDoesInF32(@TempDir Path work) throws Exception {
    Part mlps = new Part("MLPs", tensor -> tensor.name().contains(".mlp."));
    RoundedCopy.write(MODEL, work.resolve("rounded"), mlps, DType.INT4);
    WeightFormat format = new WeightFormat(DType.BF16, DType.INT4, DType.BF16);
    ModelQuantizer.quantize(MODEL, work.resolve("quantised"), format, (done, all) -> {});
    Variant f32 = new Variant("f32", WeightFormat.all(DType.F32), null, DType.F32);
    assertArrayEquals(
        LayerErrors.activations(work.resolve("quantised"), f32).get("logits"),
        LayerErrors.activations(work.resolve("rounded"), f32).get("logits"));
  }

  @Test
  void aShortRowIsAGroupOfItsOwn() {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[40];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() - 0.5) * (i < 8 ? 1 : 100);
    }
    float[] rounded = RoundedCopy.round(values, 8, DType.INT8);
    for (int i = 0; i < 8; i++) { // undisturbed by the larger rows below
      assertEquals(values[i], rounded[i], 0.5 / 127);
    }
    assertTrue(Divergence.relativeError(values, rounded) < 0.01);
  }

  @Test
  void everyPartIsInTheModel() {
    ModelTensors model = ModelTensors.of(ModelConfig.read(MODEL.resolve(ModelConfig.FILE)));
    for (Part part : Part.all()) {
      double share = part.share(model);
      assertTrue(share > 0 && share < 1, part.name() + " " + share);
    }
  }
}
