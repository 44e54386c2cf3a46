package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.KeyValueView;
import io.sambay4j.backend.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A sequence's state as named arrays, independent of slots, blocks and rings: what is written to
 * files and compared in tests.
 *
 * <pre>
 * state.i.conv          [taps - 1, inner]            last convolution inputs, oldest first
 * state.i.ssm           [inner, state]
 * state.i.k, state.i.v  [positions, kvHeads, headDim] oldest first: the last window, or all tokens in the full layer
 * </pre>
 */
public final class StateTensors {
  private StateTensors() {}

  /**
   * One array with its shape.
   *
   * @param shape from the outermost dimension
   * @param values row-major
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record Named(long[] shape, float[] values) {}

  /** Copies a sequence's state out of its model. */
  public static Map<String, Named> export(SambayModel model, SequenceState sequence) {
    sequence.checkUsable();
    ModelConfig config = model.config();
    Backend backend = model.backend();
    int length = sequence.length();
    Map<String, Named> all = new LinkedHashMap<>();
    for (int i = 0; i < config.layers().size(); i++) {
      String prefix = "state." + i + ".";
      switch (config.layers().get(i)) {
        case MAMBA, MAMBA_MEMORY -> {
          StatePool.MambaState state = model.states().mamba(i);
          int inner = config.mambaInner();
          int taps = config.mambaConv() - 1;
          Tensor tail = slotRows(state.convTail(), sequence, taps);
          float[] conv = length == 0 ? new float[taps * inner] : floats(backend, tail);
          all.put(prefix + "conv", new Named(new long[] {taps, inner}, conv));
          int n = config.mambaState();
          Tensor ssm = slotRows(state.ssm(), sequence, n);
          float[] kept = length == 0 ? new float[n * inner] : floats(backend, ssm);
          all.put(prefix + "ssm", new Named(new long[] {inner, n}, transpose(kept, n, inner)));
        }
        case SWA -> {
          KeyValueView view = view(model, sequence, i);
          exportKeyValues(model, prefix, view, Math.min(length, view.capacity()), length, all);
        }
        case FULL -> exportKeyValues(model, prefix, view(model, sequence, i), length, length, all);
        case GMU, CROSS -> {} // nothing is kept
      }
    }
    return all;
  }

  /** Copies a parked snapshot out of its model, see {@link StatePool#park}. */
  public static Map<String, Named> export(SambayModel model, StatePool.Snapshot snapshot) {
    return export(model, snapshot.asSequence());
  }

  private static void exportKeyValues(
      SambayModel model,
      String prefix,
      KeyValueView view,
      int rows,
      int length,
      Map<String, Named> all) {
    ModelConfig config = model.config();
    Backend backend = model.backend();
    int kvCols = config.kvHeads() * config.headDim();
    float[] keys = new float[rows * kvCols];
    float[] values = new float[rows * kvCols];
    if (rows > 0) {
      Tensor k = backend.allocate(DType.F32, rows, kvCols);
      Tensor v = backend.allocate(DType.F32, rows, kvCols);
      backend.kvRead(view, 0, length - rows, k, v);
      backend.download(k, keys, 0);
      backend.download(v, values, 0);
      k.storage().close();
      v.storage().close();
    }
    long[] shape = {rows, config.kvHeads(), config.headDim()};
    all.put(prefix + "k", new Named(shape, keys));
    all.put(prefix + "v", new Named(shape, values));
  }

  /**
   * Puts exported state into an empty sequence of a model of the same configuration. Where the
   * model has LongRoPE, say first which factors the exported keys were turned by: {@link
   * SequenceState#useRopeFactors}.
   *
   * @param length tokens the exported sequence had
   * @throws IllegalArgumentException if an array is missing or has another shape than this model's
   */
  public static void restore(
      SambayModel model, SequenceState sequence, int length, Map<String, Named> arrays) {
    ModelConfig config = model.config();
    if (sequence.length() != 0) {
      throw new IllegalArgumentException("state can only be put into an empty sequence");
    }
    if (length < 1 || length > model.states().contextLimit()) {
      throw new IllegalArgumentException(
          "state of %d tokens does not fit into a context of %d"
              .formatted(length, model.states().contextLimit()));
    }
    model.states().reserve(sequence, length);
    if (sequence.ropeFactors() == null) {
      sequence.useRopeFactors(config.ropeFactors(length));
    }
    sequence.tear(); // until everything is in place
    for (int i = 0; i < config.layers().size(); i++) {
      String prefix = "state." + i + ".";
      switch (config.layers().get(i)) {
        case MAMBA, MAMBA_MEMORY -> {
          StatePool.MambaState state = model.states().mamba(i);
          int inner = config.mambaInner();
          int taps = config.mambaConv() - 1;
          int n = config.mambaState();
          float[] conv = values(arrays, prefix + "conv", taps, inner);
          float[] ssm = values(arrays, prefix + "ssm", inner, n);
          model.backend().upload(conv, 0, slotRows(state.convTail(), sequence, taps));
          model.backend().upload(transpose(ssm, inner, n), 0, slotRows(state.ssm(), sequence, n));
        }
        case SWA -> {
          KeyValueView view = view(model, sequence, i);
          int rows = Math.min(length, view.capacity());
          restoreKeyValues(model, sequence, prefix, view, rows, length, arrays);
        }
        case FULL ->
            restoreKeyValues(
                model, sequence, prefix, view(model, sequence, i), length, length, arrays);
        case GMU, CROSS -> {} // nothing is kept
      }
    }
    sequence.reset(length, sequence.ropeFactors());
  }

  private static void restoreKeyValues(
      SambayModel model,
      SequenceState sequence,
      String prefix,
      KeyValueView view,
      int rows,
      int length,
      Map<String, Named> arrays) {
    ModelConfig config = model.config();
    Backend backend = model.backend();
    int kvCols = config.kvHeads() * config.headDim();
    DType dtype = view.keys().dtype();
    Tensor k = backend.allocate(dtype, rows, kvCols);
    Tensor v = backend.allocate(dtype, rows, kvCols);
    backend.upload(values(arrays, prefix + "k", rows, config.kvHeads(), config.headDim()), 0, k);
    backend.upload(values(arrays, prefix + "v", rows, config.kvHeads(), config.headDim()), 0, v);
    Batch batch =
        new Batch(new int[] {0, rows}, new int[] {sequence.slot()}, new int[] {length - rows});
    backend.kvAppend(batch, k, v, view);
    k.storage().close();
    v.storage().close();
  }

  private static float[] values(Map<String, Named> arrays, String name, long... shape) {
    Named named = arrays.get(name);
    if (named == null) {
      throw new IllegalArgumentException("the saved state has no " + name);
    }
    if (!Arrays.equals(named.shape(), shape)) {
      throw new IllegalArgumentException(
          "%s of the saved state is %s, expected %s"
              .formatted(name, Arrays.toString(named.shape()), Arrays.toString(shape)));
    }
    return named.values();
  }

  private static KeyValueView view(SambayModel model, SequenceState sequence, int layer) {
    StatePool.BlockTable blocks = model.states().blockTable(List.of(sequence));
    Batch oneRow = new Batch(new int[] {0, 1}, new int[] {sequence.slot()}, new int[] {0});
    return model.states().cache(layer, blocks, oneRow);
  }

  private static Tensor slotRows(Tensor pool, SequenceState sequence, int rows) {
    return pool.rows(sequence.slot() * rows, (sequence.slot() + 1) * rows);
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    backend.download(tensor, values, 0);
    return values;
  }

  private static float[] transpose(float[] values, int rows, int cols) {
    float[] turned = new float[values.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        turned[c * rows + r] = values[r * cols + c];
      }
    }
    return turned;
  }
}
