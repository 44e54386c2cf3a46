package io.sambay4j.backend;

import io.sambay4j.OutOfDeviceMemoryException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The operations as plain loops over the dimensions, the equation above each: the specification of
 * every other backend, the oracle of their tests, and what runs where no native library loads.
 *
 * <p>Sums are kept in double precision and rounded once, when an element is stored, so that the
 * answer is the equation's to within the storage format. Elements are floats; in an {@link
 * DType#F16} or {@link DType#BF16} tensor they are rounded to that format on every write.
 */
public final class ReferenceBackend implements Backend {
  /** {@code SY_ERR_OUT_OF_MEMORY} of {@code sambay.h}. */
  private static final int OUT_OF_MEMORY = 5;

  /** The largest array every Java VM can make. */
  private static final int LONGEST_ARRAY = Integer.MAX_VALUE - 8;

  private boolean closed;

  @Override
  public String description() {
    return "reference (plain Java, one thread)";
  }

  @Override
  public synchronized Tensor allocate(DType dtype, int rows, int cols) {
    checkOpen();
    Checks.allocate(dtype, rows, cols);
    float[] elements = array((long) rows * cols);
    return new Tensor(new ReferenceStorage(this, elements), dtype, 0, rows, cols, cols);
  }

  @Override
  public synchronized Weight weight(int rows, int cols, DType storage) {
    checkOpen();
    Checks.weight(rows, cols, storage);
    return new ReferenceWeight(this, array((long) rows * cols), rows, cols, storage);
  }

  private static float[] array(long elements) {
    if (elements <= LONGEST_ARRAY) {
      try {
        return new float[(int) elements];
      } catch (OutOfMemoryError tooLarge) {
        // falls through: an array is taken whole or not at all, so nothing is lost
      }
    }
    throw new OutOfDeviceMemoryException(
        OUT_OF_MEMORY,
        "%d MiB for one matrix of the reference backend do not fit into the Java heap of %d MiB"
            .formatted((elements * Float.BYTES) >> 20, Runtime.getRuntime().maxMemory() >> 20));
  }

  @Override
  public synchronized void upload(float[] from, int start, Tensor to) {
    checkOpen();
    Checks.transfer("upload", from, start, to);
    ReferenceMatrix y = matrix(to);
    for (int r = 0; r < y.rows; r++) {
      for (int c = 0; c < y.cols; c++) {
        y.set(r, c, from[start + r * y.cols + c]);
      }
    }
  }

  @Override
  public synchronized void download(Tensor from, float[] to, int start) {
    checkOpen();
    Checks.transfer("download", to, start, from);
    ReferenceMatrix x = matrix(from);
    for (int r = 0; r < x.rows; r++) {
      for (int c = 0; c < x.cols; c++) {
        to[start + r * x.cols + c] = x.get(r, c);
      }
    }
  }

  @Override
  public synchronized void copy(Tensor from, Tensor to) {
    checkOpen();
    Checks.copy(from, to);
    ReferenceMatrix x = matrix(from);
    ReferenceMatrix y = matrix(to);
    for (int r = 0; r < y.rows; r++) {
      copyRow(x, r, y, r);
    }
  }

  @Override
  public synchronized void zero(Tensor tensor) {
    checkOpen();
    Checks.zero(tensor);
    ReferenceMatrix y = matrix(tensor);
    for (int r = 0; r < y.rows; r++) {
      for (int c = 0; c < y.cols; c++) {
        y.set(r, c, 0);
      }
    }
  }

  @Override
  public synchronized void linear(LinearArgs args) {
    checkOpen();
    Checks.linear(args);
    ReferenceMatrix x = normed(args.x(), args.norm());
    ReferenceMatrix w = matrix(args.weight());
    ReferenceMatrix bias = optional(args.bias());
    ReferenceMatrix memory = optional(args.memory());
    ReferenceMatrix y = matrix(args.y());
    ReferenceQuantizedProduct quantized = quantizedProduct(args.weight());
    double[] p = new double[w.rows];
    for (int t = 0; t < y.rows; t++) {
      if (quantized != null) {
        quantized.round(x, t);
      }
      // p[o] = sum_i norm(x)[t, i] W[o, i] (+ bias[o])
      for (int o = 0; o < p.length; o++) {
        p[o] = bias == null ? 0 : bias.get(0, o);
        if (quantized != null) {
          p[o] += quantized.product(o);
        } else {
          for (int i = 0; i < w.cols; i++) {
            p[o] += (double) x.get(t, i) * w.get(o, i);
          }
        }
      }
      for (int o = 0; o < y.cols; o++) {
        y.set(
            t,
            o,
            switch (args.epilogue()) {
              case STORE -> p[o];
              case ACCUMULATE -> y.get(t, o) + p[o];
              case SWIGLU -> silu(p[o]) * p[y.cols + o];
              case GMU -> silu(p[o]) * Objects.requireNonNull(memory).get(t, o);
            });
      }
    }
  }

  /** x, or norm(x) rounded to the norm's dtype. */
  private ReferenceMatrix normed(Tensor x, @Nullable Norm norm) {
    if (norm == null) {
      return matrix(x);
    }
    try (Storage storage = new ReferenceStorage(this, array((long) x.rows() * x.cols()))) {
      Tensor y = new Tensor(storage, norm.dtype(), 0, x.rows(), x.cols(), x.cols());
      norm.apply(this, x, y);
      return matrix(y);
    }
  }

  private static @Nullable ReferenceQuantizedProduct quantizedProduct(Weight weight) {
    return weight.dtype().isQuantized()
        ? new ReferenceQuantizedProduct((ReferenceWeight) weight)
        : null;
  }

  @Override
  public synchronized void embedding(Weight table, int[] ids, Tensor yTensor) {
    checkOpen();
    Checks.embedding(table, ids, yTensor);
    ReferenceMatrix w = matrix(table);
    ReferenceMatrix y = matrix(yTensor);
    // y[t] = table[ids[t]]
    for (int t = 0; t < ids.length; t++) {
      copyRow(w, ids[t], y, t);
    }
  }

  @Override
  public synchronized void gatherRows(Tensor xTensor, int[] rows, Tensor yTensor) {
    checkOpen();
    Checks.gatherRows(xTensor, rows, yTensor);
    ReferenceMatrix x = matrix(xTensor);
    ReferenceMatrix y = matrix(yTensor);
    // y[i] = x[rows[i]]
    for (int i = 0; i < rows.length; i++) {
      copyRow(x, rows[i], y, i);
    }
  }

  @Override
  public synchronized void layerNorm(
      Tensor xTensor, Tensor weightTensor, Tensor biasTensor, float eps, Tensor yTensor) {
    checkOpen();
    Checks.layerNorm(xTensor, weightTensor, biasTensor, eps, yTensor);
    ReferenceMatrix x = matrix(xTensor);
    ReferenceMatrix weight = matrix(weightTensor);
    ReferenceMatrix bias = matrix(biasTensor);
    ReferenceMatrix y = matrix(yTensor);
    int features = x.cols;
    for (int t = 0; t < x.rows; t++) {
      // mean = 1/F sum_f x[f],  var = 1/F sum_f (x[f] - mean)^2
      double mean = 0;
      for (int f = 0; f < features; f++) {
        mean += x.get(t, f);
      }
      mean /= features;
      double variance = 0;
      for (int f = 0; f < features; f++) {
        variance += (x.get(t, f) - mean) * (x.get(t, f) - mean);
      }
      variance /= features;
      // y[f] = (x[f] - mean) / sqrt(var + eps) * weight[f] + bias[f]
      double scale = 1 / Math.sqrt(variance + eps);
      for (int f = 0; f < features; f++) {
        y.set(t, f, (x.get(t, f) - mean) * scale * weight.get(0, f) + bias.get(0, f));
      }
    }
  }

  @Override
  public synchronized void rmsNorm(Tensor xTensor, Tensor weightTensor, float eps, Tensor yTensor) {
    checkOpen();
    Checks.rmsNorm(xTensor, weightTensor, eps, yTensor);
    ReferenceMatrix x = matrix(xTensor);
    ReferenceMatrix weight = matrix(weightTensor);
    ReferenceMatrix y = matrix(yTensor);
    int features = x.cols;
    for (int t = 0; t < x.rows; t++) {
      // y[f] = x[f] / sqrt(1/F sum_f x[f]^2 + eps) * weight[f]
      double squares = 0;
      for (int f = 0; f < features; f++) {
        squares += (double) x.get(t, f) * x.get(t, f);
      }
      double scale = 1 / Math.sqrt(squares / features + eps);
      for (int f = 0; f < features; f++) {
        y.set(t, f, x.get(t, f) * scale * weight.get(0, f));
      }
    }
  }

  @Override
  public synchronized void swiglu(Tensor gateUpTensor, Tensor yTensor) {
    checkOpen();
    Checks.swiglu(gateUpTensor, yTensor);
    ReferenceMatrix gateUp = matrix(gateUpTensor);
    ReferenceMatrix y = matrix(yTensor);
    int features = y.cols;
    // y[t, f] = silu(gate[t, f]) * up[t, f],  [gate | up] = gateUp
    for (int t = 0; t < y.rows; t++) {
      for (int f = 0; f < features; f++) {
        y.set(t, f, silu(gateUp.get(t, f)) * gateUp.get(t, features + f));
      }
    }
  }

  @Override
  public synchronized void gmu(
      Tensor gateTensor,
      Tensor memoryTensor,
      @Nullable Tensor normWeightTensor,
      float eps,
      int normGroups,
      Tensor yTensor) {
    checkOpen();
    Checks.gmu(gateTensor, memoryTensor, normWeightTensor, eps, normGroups, yTensor);
    ReferenceMatrix gate = matrix(gateTensor);
    ReferenceMatrix memory = matrix(memoryTensor);
    ReferenceMatrix normWeight = optional(normWeightTensor);
    ReferenceMatrix y = matrix(yTensor);
    int inner = gate.cols;
    double[] gated = new double[inner];
    for (int t = 0; t < gate.rows; t++) {
      // gated[c] = silu(gate[c]) * memory[c]
      for (int c = 0; c < inner; c++) {
        gated[c] = silu(gate.get(t, c)) * memory.get(t, c);
      }
      // y = RMSNorm(gated; normWeight, eps) in each group of channels
      if (normWeight != null) {
        int width = inner / normGroups;
        for (int first = 0; first < inner; first += width) {
          double squares = 0;
          for (int c = first; c < first + width; c++) {
            squares += gated[c] * gated[c];
          }
          double scale = 1 / Math.sqrt(squares / width + eps);
          for (int c = first; c < first + width; c++) {
            gated[c] *= scale * normWeight.get(0, c);
          }
        }
      }
      for (int c = 0; c < inner; c++) {
        y.set(t, c, gated[c]);
      }
    }
  }

  @Override
  public synchronized void causalConv1d(
      Batch batch,
      Tensor xTensor,
      Tensor weightTensor,
      @Nullable Tensor biasTensor,
      Tensor tailTensor,
      Tensor yTensor) {
    checkOpen();
    Checks.causalConv1d(batch, xTensor, weightTensor, biasTensor, tailTensor, yTensor);
    ReferenceMatrix x = matrix(xTensor);
    ReferenceMatrix weight = matrix(weightTensor);
    ReferenceMatrix bias = optional(biasTensor);
    ReferenceMatrix tail = matrix(tailTensor);
    ReferenceMatrix y = matrix(yTensor);
    int before = weight.rows - 1; // inputs of the past that an output sees
    for (int s = 0; s < batch.sequences(); s++) {
      int rows = batch.rows(s);
      int firstRow = batch.sequenceStart()[s];
      int tailRow = batch.slot()[s] * before;
      float[] input = new float[before + rows]; // the tail, oldest first, then the rows
      for (int c = 0; c < x.cols; c++) {
        for (int i = 0; i < before; i++) {
          input[i] = batch.position()[s] == 0 ? 0 : tail.get(tailRow + i, c);
        }
        for (int t = 0; t < rows; t++) {
          input[before + t] = x.get(firstRow + t, c);
        }
        // y[t] = silu(bias + sum_k weight[k] * x[t - taps + 1 + k])
        for (int t = 0; t < rows; t++) {
          double sum = bias == null ? 0 : bias.get(0, c);
          for (int k = 0; k < weight.rows; k++) {
            sum += (double) weight.get(k, c) * input[t + k];
          }
          y.set(firstRow + t, c, silu(sum));
        }
        for (int i = 0; i < before; i++) {
          tail.set(tailRow + i, c, input[rows + i]);
        }
      }
    }
  }

  @Override
  public synchronized void selectiveScan(Batch batch, ScanArgs args) {
    checkOpen();
    Checks.selectiveScan(batch, args);
    ReferenceMatrix x = matrix(args.x());
    ReferenceMatrix delta = matrix(args.delta());
    ReferenceMatrix deltaBias = optional(args.deltaBias());
    ReferenceMatrix a = matrix(args.a());
    ReferenceMatrix b = matrix(args.b());
    ReferenceMatrix c = matrix(args.c());
    ReferenceMatrix d = optional(args.d());
    ReferenceMatrix z = optional(args.z());
    ReferenceMatrix state = matrix(args.state());
    ReferenceMatrix y = optional(args.y());
    ReferenceMatrix yUngated = optional(args.yUngated());
    int states = a.rows;
    for (int s = 0; s < batch.sequences(); s++) {
      int stateRow = batch.slot()[s] * states;
      double[] h = new double[states]; // of one channel
      for (int i = 0; i < x.cols; i++) {
        for (int n = 0; n < states; n++) {
          h[n] = batch.position()[s] == 0 ? 0 : state.get(stateRow + n, i);
        }
        for (int t = batch.sequenceStart()[s]; t < batch.sequenceStart()[s + 1]; t++) {
          // step = softplus(delta[t, i] + deltaBias[i])
          // h[n] = exp(step * a[n, i]) * h[n] + step * b[t, n] * x[t, i]
          // yUngated[t, i] = sum_n h[n] * c[t, n] + d[i] * x[t, i]
          // y[t, i] = yUngated[t, i] * silu(z[t, i])
          double step = softplus(delta.get(t, i) + (deltaBias == null ? 0 : deltaBias.get(0, i)));
          double sum = d == null ? 0 : (double) d.get(0, i) * x.get(t, i);
          for (int n = 0; n < states; n++) {
            h[n] = Math.exp(step * a.get(n, i)) * h[n] + step * b.get(t, n) * x.get(t, i);
            sum += h[n] * c.get(t, n);
          }
          if (yUngated != null) {
            yUngated.set(t, i, sum);
          }
          if (y != null) {
            y.set(t, i, z == null ? sum : sum * silu(z.get(t, i)));
          }
        }
        for (int n = 0; n < states; n++) {
          state.set(stateRow + n, i, h[n]);
        }
      }
    }
  }

  @Override
  public synchronized void kvAppend(Batch batch, Tensor kTensor, Tensor vTensor, KeyValueView kv) {
    checkOpen();
    Checks.kvAppend(batch, kTensor, vTensor, kv);
    ReferenceMatrix k = matrix(kTensor);
    ReferenceMatrix v = matrix(vTensor);
    ReferenceMatrix keys = matrix(kv.keys());
    ReferenceMatrix values = matrix(kv.values());
    for (int s = 0; s < batch.sequences(); s++) {
      // rows that this very call would overwrite are left out
      int first = Math.max(0, batch.rows(s) - kv.capacity());
      for (int r = first; r < batch.rows(s); r++) {
        int row = kv.row(s, batch.position()[s] + r);
        copyRow(k, batch.sequenceStart()[s] + r, keys, row);
        copyRow(v, batch.sequenceStart()[s] + r, values, row);
      }
    }
  }

  @Override
  public synchronized void kvRead(
      KeyValueView kv, int s, int first, Tensor kTensor, Tensor vTensor) {
    checkOpen();
    Checks.kvRead(kv, s, first, kTensor, vTensor);
    ReferenceMatrix k = matrix(kTensor);
    ReferenceMatrix v = matrix(vTensor);
    ReferenceMatrix keys = matrix(kv.keys());
    ReferenceMatrix values = matrix(kv.values());
    for (int r = 0; r < k.rows; r++) {
      copyRow(keys, kv.row(s, first + r), k, r);
      copyRow(values, kv.row(s, first + r), v, r);
    }
  }

  @Override
  public synchronized void attention(
      Batch batch,
      AttentionShape shape,
      Tensor qTensor,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor yTensor) {
    checkOpen();
    Checks.attention("attention", batch, shape, qTensor, k, v, kv, yTensor);
    ReferenceMatrix q = matrix(qTensor);
    ReferenceMatrix y = matrix(yTensor);
    ReferenceKeyValues past = keyValues(batch, k, v, kv);
    int d = shape.headDim();
    int group = shape.heads() / shape.kvHeads();
    for (int s = 0; s < batch.sequences(); s++) {
      for (int r = 0; r < batch.rows(s); r++) {
        int row = batch.sequenceStart()[s] + r;
        for (int h = 0; h < shape.heads(); h++) {
          int g = h / group;
          // y[h] = softmax(scale * q[h] . K[g]^T) V[g]
          double[] p = past.probabilities(shape, s, r, q, row, h * d, g * d);
          double[] out = past.weightedValues(shape, s, r, p, g * d, d);
          for (int i = 0; i < d; i++) {
            y.set(row, h * d + i, out[i]);
          }
        }
      }
    }
  }

  @Override
  public synchronized void diffAttention(
      Batch batch,
      AttentionShape shape,
      Differential differential,
      Tensor qTensor,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor yTensor) {
    checkOpen();
    Checks.diffAttention(batch, shape, differential, qTensor, k, v, kv, yTensor);
    ReferenceMatrix q = matrix(qTensor);
    ReferenceMatrix sublnWeight = matrix(differential.sublnWeight());
    ReferenceMatrix y = matrix(yTensor);
    ReferenceKeyValues past = keyValues(batch, k, v, kv);
    int d = shape.headDim();
    int group = shape.heads() / shape.kvHeads();
    for (int s = 0; s < batch.sequences(); s++) {
      for (int r = 0; r < batch.rows(s); r++) {
        int row = batch.sequenceStart()[s] + r;
        for (int pair = 0; pair < shape.heads() / 2; pair++) {
          int g = pair / group;
          int first = 2 * pair * d; // column of the pair's two queries and of its output
          int kvFirst = 2 * g * d; // column of the pair's two keys and of V = [v_2g | v_2g+1]
          // A1 = softmax(scale * q_2p . k_2g^T) V,  A2 = softmax(scale * q_2p+1 . k_2g+1^T) V
          double[] p1 = past.probabilities(shape, s, r, q, row, first, kvFirst);
          double[] p2 = past.probabilities(shape, s, r, q, row, first + d, kvFirst + d);
          double[] a1 = past.weightedValues(shape, s, r, p1, kvFirst, 2 * d);
          double[] a2 = past.weightedValues(shape, s, r, p2, kvFirst, 2 * d);
          // y = RMSNorm(A1 - lambda * A2; sublnWeight, eps) * outScale
          double squares = 0;
          for (int i = 0; i < 2 * d; i++) {
            a1[i] -= differential.lambda() * a2[i];
            squares += a1[i] * a1[i];
          }
          double scale =
              differential.outScale() / Math.sqrt(squares / (2 * d) + differential.eps());
          for (int i = 0; i < 2 * d; i++) {
            y.set(row, first + i, a1[i] * scale * sublnWeight.get(0, i));
          }
        }
      }
    }
  }

  @Override
  public synchronized void rope(
      Batch batch, Tensor xTensor, Tensor cosTensor, Tensor sinTensor, int headDim) {
    checkOpen();
    Checks.rope(batch, xTensor, cosTensor, sinTensor, headDim);
    ReferenceMatrix x = matrix(xTensor);
    ReferenceMatrix cos = matrix(cosTensor);
    ReferenceMatrix sin = matrix(sinTensor);
    int half = cos.cols;
    for (int s = 0; s < batch.sequences(); s++) {
      for (int r = 0; r < batch.rows(s); r++) {
        int row = batch.sequenceStart()[s] + r;
        int position = batch.position()[s] + r;
        for (int head = 0; head < x.cols; head += headDim) {
          // (u, v) = (x[j], x[j + half]) turns to (u cos - v sin, v cos + u sin)
          for (int j = 0; j < half; j++) {
            double u = x.get(row, head + j);
            double v = x.get(row, head + half + j);
            x.set(row, head + j, u * cos.get(position, j) - v * sin.get(position, j));
            x.set(row, head + half + j, v * cos.get(position, j) + u * sin.get(position, j));
          }
        }
      }
    }
  }

  @Override
  public synchronized void sample(Tensor logits, Draws draws) {
    checkOpen();
    Checks.sample(logits, draws);
    float[] row = new float[logits.cols()];
    for (int i = 0; i < draws.size(); i++) {
      download(logits.rows(i, i + 1), row, 0);
      ReferenceSampler sampler = new ReferenceSampler(row);
      int token =
          sampler.token(
              draws.temperature()[i],
              draws.topK()[i],
              draws.topP()[i],
              draws.minP()[i],
              draws.random()[i]);
      draws.token()[i] = token;
      draws.logProbability()[i] = sampler.logProbability(token);
    }
  }

  /** The operations once more at every launch, which is what a graph means. */
  @Override
  public Graph record(Runnable operations) {
    checkOpen();
    return new Graph() {
      @Override
      public void launch() {
        operations.run();
      }

      @Override
      public void close() {}
    };
  }

  /** Closing ends the use of everything this backend made; memory goes when the last view does. */
  @Override
  public synchronized void close() {
    closed = true;
  }

  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the backend is closed");
    }
  }

  /** silu(v) = v / (1 + exp(-v)). */
  private static double silu(double v) {
    return v / (1 + Math.exp(-v));
  }

  /** softplus(v) = log(1 + exp(v)), and v itself where the difference vanishes. */
  private static double softplus(double v) {
    return v > 20 ? v : Math.log1p(Math.exp(v));
  }

  private static void copyRow(ReferenceMatrix from, int fromRow, ReferenceMatrix to, int toRow) {
    for (int c = 0; c < to.cols; c++) {
      to.set(toRow, c, from.get(fromRow, c));
    }
  }

  private ReferenceMatrix matrix(Tensor tensor) {
    if (!(tensor.storage() instanceof ReferenceStorage storage) || storage.backend != this) {
      throw new IllegalArgumentException(tensor + " belongs to another backend");
    }
    int offset = (int) tensor.offset(); // within a float[]
    return new ReferenceMatrix(
        storage.elements(), tensor.dtype(), offset, tensor.rows(), tensor.cols(), tensor.stride());
  }

  private ReferenceMatrix matrix(Weight weight) {
    if (!(weight instanceof ReferenceWeight own) || own.backend != this) {
      throw new IllegalArgumentException(
          "the weight [%d, %d] belongs to another backend".formatted(weight.rows(), weight.cols()));
    }
    return own.matrix();
  }

  private @Nullable ReferenceMatrix optional(@Nullable Tensor tensor) {
    return tensor == null ? null : matrix(tensor);
  }

  private ReferenceKeyValues keyValues(
      Batch batch, @Nullable Tensor k, @Nullable Tensor v, @Nullable KeyValueView kv) {
    return new ReferenceKeyValues(
        batch,
        optional(k),
        optional(v),
        kv,
        kv == null ? null : matrix(kv.keys()),
        kv == null ? null : matrix(kv.values()));
  }
}
