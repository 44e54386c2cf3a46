package io.sambay4j.backend;

import static io.sambay4j.bindings.global.Native.sy_quantize;

import io.sambay4j.bindings.sy_quantized;
import io.sambay4j.bindings.sy_tensor;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;

/** {@code sy_quantize}: no device is needed, and any number of threads may call it. */
final class NativeQuantizer {
  private NativeQuantizer() {}

  /** Quantises rows in direct memory, which messages count from {@code firstRow}. */
  static void quantize(
      ByteBuffer from,
      DType fromDtype,
      int rows,
      int cols,
      int firstRow,
      DType dtype,
      Quantizer.Rows to) {
    try (sy_tensor numbers = new sy_tensor();
        sy_quantized quantized = new sy_quantized()) {
      numbers.data(new BytePointer(from.slice()));
      numbers.dtype(NativeArguments.nativeDtype(fromDtype)).rows(rows).cols(cols).stride(cols);
      NativeDevice.check(sy_quantize(numbers, fill(quantized, to, dtype, rows, cols)));
    } catch (IllegalArgumentException e) {
      // The library counts rows from 0; the Java rule finds the same number and names its row.
      ReferenceQuantizer.quantize(from, fromDtype, rows, cols, firstRow, dtype, to);
      throw e;
    } finally {
      Reference.reachabilityFence(from);
      Reference.reachabilityFence(to);
    }
  }

  static sy_quantized fill(sy_quantized struct, Quantizer.Rows rows, DType dtype, int n, int cols) {
    Pointer codes = new BytePointer(rows.codes().slice());
    struct.codes(codes);
    struct.scales(new ShortPointer(new BytePointer(rows.scales().slice())));
    return struct.dtype(NativeArguments.nativeDtype(dtype)).rows(n).cols(cols);
  }
}
