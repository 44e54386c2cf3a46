package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Quantised weights of a backend equal the rule of the reference to the bit. */
abstract class QuantizedWeightContract {
  private final long seed = Long.getLong("sambay.seed", new Random().nextLong());
  private final Random random = new Random(seed);

  @SuppressWarnings("NullAway.Init")
  private Backend tested;

  private final ReferenceBackend reference = new ReferenceBackend();

  abstract Backend open();

  @BeforeEach
  void openBackend() {
    tested = open();
  }

  @AfterEach
  void closeBackends() {
    reference.close();
    if (tested != null) { // else skipped
      tested.close();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4"})
  void productsAndRowsAreThoseOfTheRule(DType dtype) {
    for (int rows = 1; rows <= 70; rows++) {
      int cols = DType.GROUP * (1 + random.nextInt(6));
      int outputs = 1 + random.nextInt(90);
      float[] w = gaussian(outputs * cols, 0.05f);
      float[] x = gaussian(rows * cols, 3);
      String what = "seed %d, %s, %d rows, [%d, %d]".formatted(seed, dtype, rows, outputs, cols);
      assertArrayEquals(
          product(reference, dtype, w, outputs, x, rows),
          product(tested, dtype, w, outputs, x, rows),
          what);
      int[] ids = random.ints(9, 0, outputs).toArray();
      assertArrayEquals(
          embedding(reference, dtype, w, outputs, ids),
          embedding(tested, dtype, w, outputs, ids),
          what);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4"})
  void codesGiveTheWeightThatNumbersGive(DType dtype) {
    int outputs = 45;
    int cols = 96;
    for (DType stored : DType.ofTensors()) {
      ByteBuffer numbers = numbers(gaussian(outputs * cols, 0.02f), stored);
      Quantizer.Rows rows = Quantizer.Rows.allocate(dtype, outputs, cols);
      Quantizer.quantize(numbers, stored, cols, dtype, rows);
      Quantizer.Rows ofReference = Quantizer.Rows.allocate(dtype, outputs, cols);
      ReferenceQuantizer.quantize(numbers, stored, outputs, cols, 0, dtype, ofReference);
      assertEquals(ofReference.codes(), rows.codes(), "seed " + seed);
      assertEquals(ofReference.scales(), rows.scales(), "seed " + seed);
      try (Weight ofNumbers = tested.weight(outputs, cols, dtype);
          Weight ofCodes = tested.weight(outputs, cols, dtype)) {
        ofNumbers.setRows(0, numbers, stored);
        int cut = 1 + random.nextInt(outputs - 1);
        ofCodes.setQuantizedRows(
            0, part(rows.codes(), 0, cut, outputs), part(rows.scales(), 0, cut, outputs));
        ofCodes.setQuantizedRows(
            cut,
            heap(part(rows.codes(), cut, outputs, outputs)),
            heap(part(rows.scales(), cut, outputs, outputs)));
        int[] all = new int[outputs];
        for (int i = 0; i < outputs; i++) {
          all[i] = i;
        }
        assertArrayEquals(rows(tested, ofNumbers, all), rows(tested, ofCodes, all), "seed " + seed);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4"})
  void whatCannotBeQuantizedNamesItsPlace(DType dtype) {
    float[] values = gaussian(40 * 64, 1);
    values[37 * 64 + 50] = Float.NaN;
    ByteBuffer numbers = numbers(values, DType.F32);
    try (Weight weight = tested.weight(50, 64, dtype)) {
      assertNames("row 45, column 50", () -> weight.setRows(8, numbers, DType.F32));
    }
    Quantizer.Rows rows = Quantizer.Rows.allocate(dtype, 40, 64);
    assertNames("row 37, column 50", () -> Quantizer.quantize(numbers, DType.F32, 64, dtype, rows));
  }

  @Test
  void whatDoesNotFitIsRefused() {
    assertNames("multiple of 32", () -> tested.weight(4, 48, DType.INT4));
    assertNames("weights only", () -> tested.allocate(DType.INT8, 4, 32));
    try (Weight bf16 = tested.weight(4, 32, DType.BF16);
        Weight int8 = tested.weight(4, 32, DType.INT8)) {
      ByteBuffer codes = ByteBuffer.allocate(64);
      assertNames("bf16", () -> bf16.setQuantizedRows(0, codes, ByteBuffer.allocate(4)));
      assertNames(
          "3 bytes of scales, expected 4",
          () -> int8.setQuantizedRows(0, codes, ByteBuffer.allocate(3)));
      assertNames("rows 3 to 4", () -> int8.setQuantizedRows(3, codes, ByteBuffer.allocate(4)));
      codes.put(33, (byte) -128);
      assertNames(
          "row 2, column 1 has the code -128",
          () -> int8.setQuantizedRows(1, codes, ByteBuffer.allocate(4)));
    }
  }

  private static void assertNames(String part, Runnable call) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }

  private float[] gaussian(int n, float scale) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian() * scale;
    }
    return values;
  }

  private static ByteBuffer numbers(float[] values, DType dtype) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(values.length * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (dtype) {
        case F32 -> bytes.putFloat(value);
        case F16 -> bytes.putShort(HalfPrecision.toF16(value));
        default -> bytes.putShort(HalfPrecision.toBf16(value));
      }
    }
    return bytes.flip();
  }

  private static ByteBuffer part(ByteBuffer of, int first, int end, int rows) {
    int rowBytes = of.capacity() / rows;
    return of.slice(first * rowBytes, (end - first) * rowBytes);
  }

  private static ByteBuffer heap(ByteBuffer from) {
    return ByteBuffer.allocate(from.remaining()).put(from).flip();
  }

  private static float[] product(
      Backend backend, DType dtype, float[] w, int outputs, float[] x, int rows) {
    int cols = w.length / outputs;
    Tensor input = backend.allocate(DType.F32, rows, cols);
    Tensor output = backend.allocate(DType.F32, rows, outputs);
    try (Storage in = input.storage();
        Storage out = output.storage();
        Weight weight = backend.weight(outputs, cols, dtype)) {
      weight.setRows(0, numbers(w, DType.F32), DType.F32);
      backend.upload(x, 0, input);
      backend.linear(input, weight, null, output, false);
      float[] y = new float[rows * outputs];
      backend.download(output, y, 0);
      return y;
    }
  }

  private static float[] embedding(
      Backend backend, DType dtype, float[] w, int outputs, int[] ids) {
    try (Weight weight = backend.weight(outputs, w.length / outputs, dtype)) {
      weight.setRows(0, numbers(w, DType.F32), DType.F32);
      return rows(backend, weight, ids);
    }
  }

  private static float[] rows(Backend backend, Weight weight, int[] ids) {
    Tensor output = backend.allocate(DType.F32, ids.length, weight.cols());
    try (Storage out = output.storage()) {
      backend.embedding(weight, ids, output);
      float[] y = new float[ids.length * weight.cols()];
      backend.download(output, y, 0);
      return y;
    }
  }
}
