package io.sambay4j.backend;

import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
    Checks.allocate(rows, cols);
    float[] elements = array((long) rows * cols);
    return new Tensor(new ReferenceStorage(this, elements), dtype, 0, rows, cols, cols);
  }

  @Override
  public synchronized Weight weight(int rows, int cols, DType storage) {
    checkOpen();
    Checks.weight(rows, cols);
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
    Matrix y = matrix(to);
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
    Matrix x = matrix(from);
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
    Matrix x = matrix(from);
    Matrix y = matrix(to);
    for (int r = 0; r < y.rows; r++) {
      copyRow(x, r, y, r);
    }
  }

  @Override
  public synchronized void zero(Tensor tensor) {
    checkOpen();
    Checks.zero(tensor);
    Matrix y = matrix(tensor);
    for (int r = 0; r < y.rows; r++) {
      for (int c = 0; c < y.cols; c++) {
        y.set(r, c, 0);
      }
    }
  }

  @Override
  public synchronized void linear(
      Tensor xTensor, Weight weight, @Nullable Tensor biasTensor, Tensor yTensor, boolean add) {
    checkOpen();
    Checks.linear(xTensor, weight, biasTensor, yTensor);
    Matrix x = matrix(xTensor);
    Matrix w = matrix(weight);
    Matrix bias = optional(biasTensor);
    Matrix y = matrix(yTensor);
    // y[t, o] = sum_i x[t, i] W[o, i] (+ bias[o]) (+ y[t, o])
    for (int t = 0; t < y.rows; t++) {
      for (int o = 0; o < y.cols; o++) {
        double sum = bias == null ? 0 : bias.get(0, o);
        for (int i = 0; i < x.cols; i++) {
          sum += (double) x.get(t, i) * w.get(o, i);
        }
        y.set(t, o, add ? y.get(t, o) + sum : sum);
      }
    }
  }

  @Override
  public synchronized void embedding(Weight table, int[] ids, Tensor yTensor) {
    checkOpen();
    Checks.embedding(table, ids, yTensor);
    Matrix w = matrix(table);
    Matrix y = matrix(yTensor);
    // y[t] = table[ids[t]]
    for (int t = 0; t < ids.length; t++) {
      copyRow(w, ids[t], y, t);
    }
  }

  @Override
  public synchronized void gatherRows(Tensor xTensor, int[] rows, Tensor yTensor) {
    checkOpen();
    Checks.gatherRows(xTensor, rows, yTensor);
    Matrix x = matrix(xTensor);
    Matrix y = matrix(yTensor);
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
    Matrix x = matrix(xTensor);
    Matrix weight = matrix(weightTensor);
    Matrix bias = matrix(biasTensor);
    Matrix y = matrix(yTensor);
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
    Matrix x = matrix(xTensor);
    Matrix weight = matrix(weightTensor);
    Matrix y = matrix(yTensor);
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
    Matrix gateUp = matrix(gateUpTensor);
    Matrix y = matrix(yTensor);
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
    Matrix gate = matrix(gateTensor);
    Matrix memory = matrix(memoryTensor);
    Matrix normWeight = optional(normWeightTensor);
    Matrix y = matrix(yTensor);
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
    Matrix x = matrix(xTensor);
    Matrix weight = matrix(weightTensor);
    Matrix bias = optional(biasTensor);
    Matrix tail = matrix(tailTensor);
    Matrix y = matrix(yTensor);
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
    Matrix x = matrix(args.x());
    Matrix delta = matrix(args.delta());
    Matrix deltaBias = optional(args.deltaBias());
    Matrix a = matrix(args.a());
    Matrix b = matrix(args.b());
    Matrix c = matrix(args.c());
    Matrix d = optional(args.d());
    Matrix z = optional(args.z());
    Matrix state = matrix(args.state());
    Matrix y = optional(args.y());
    Matrix yUngated = optional(args.yUngated());
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
    Matrix k = matrix(kTensor);
    Matrix v = matrix(vTensor);
    Matrix keys = matrix(kv.keys());
    Matrix values = matrix(kv.values());
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
    Matrix k = matrix(kTensor);
    Matrix v = matrix(vTensor);
    Matrix keys = matrix(kv.keys());
    Matrix values = matrix(kv.values());
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
    Matrix q = matrix(qTensor);
    Matrix y = matrix(yTensor);
    KeyValues past = keyValues(batch, k, v, kv);
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
    Matrix q = matrix(qTensor);
    Matrix sublnWeight = matrix(differential.sublnWeight());
    Matrix y = matrix(yTensor);
    KeyValues past = keyValues(batch, k, v, kv);
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
    Matrix x = matrix(xTensor);
    Matrix cos = matrix(cosTensor);
    Matrix sin = matrix(sinTensor);
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

  /** Closing ends the use of everything this backend made; memory goes when the last view does. */
  @Override
  public synchronized void close() {
    closed = true;
  }

  private void checkOpen() {
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

  private static void copyRow(Matrix from, int fromRow, Matrix to, int toRow) {
    for (int c = 0; c < to.cols; c++) {
      to.set(toRow, c, from.get(fromRow, c));
    }
  }

  private Matrix matrix(Tensor tensor) {
    if (!(tensor.storage() instanceof ReferenceStorage storage) || storage.backend != this) {
      throw new IllegalArgumentException(tensor + " belongs to another backend");
    }
    int offset = (int) tensor.offset(); // within a float[]
    return new Matrix(
        storage.elements(), tensor.dtype(), offset, tensor.rows(), tensor.cols(), tensor.stride());
  }

  private Matrix matrix(Weight weight) {
    if (!(weight instanceof ReferenceWeight own) || own.backend != this) {
      throw new IllegalArgumentException(
          "the weight [%d, %d] belongs to another backend".formatted(weight.rows(), weight.cols()));
    }
    return own.matrix();
  }

  private @Nullable Matrix optional(@Nullable Tensor tensor) {
    return tensor == null ? null : matrix(tensor);
  }

  private KeyValues keyValues(
      Batch batch, @Nullable Tensor k, @Nullable Tensor v, @Nullable KeyValueView kv) {
    return new KeyValues(
        batch,
        optional(k),
        optional(v),
        kv,
        kv == null ? null : matrix(kv.keys()),
        kv == null ? null : matrix(kv.values()));
  }

  /** A tensor opened: element [r, c] is {@code data[offset + r * stride + c]}. */
  private static final class Matrix {
    final int rows;
    final int cols;
    private final float[] data;
    private final DType dtype;
    private final int offset;
    private final int stride;

    Matrix(float[] data, DType dtype, int offset, int rows, int cols, int stride) {
      this.data = data;
      this.dtype = dtype;
      this.offset = offset;
      this.rows = rows;
      this.cols = cols;
      this.stride = stride;
    }

    float get(int r, int c) {
      return data[offset + r * stride + c];
    }

    void set(int r, int c, double value) {
      float number = (float) value;
      data[offset + r * stride + c] =
          switch (dtype) {
            case F32 -> number;
            case F16 -> HalfPrecision.fromF16(HalfPrecision.toF16(number));
            case BF16 -> HalfPrecision.fromBf16(HalfPrecision.toBf16(number));
          };
    }
  }

  /** Keys and values as a query sees them: the chunk's own where given, the cache's before. */
  private record KeyValues(
      Batch batch,
      @Nullable Matrix k,
      @Nullable Matrix v,
      @Nullable KeyValueView kv,
      @Nullable Matrix keys,
      @Nullable Matrix values) {

    /** softmax over j of scale * q . k[j], for the keys that row r of sequence s sees. */
    double[] probabilities(
        AttentionShape shape, int s, int r, Matrix q, int row, int qColumn, int kColumn) {
      int t = batch.position()[s] + r;
      int oldest = oldest(shape, t);
      double[] p = new double[t - oldest + 1];
      double max = Double.NEGATIVE_INFINITY;
      for (int j = oldest; j <= t; j++) {
        double score = 0;
        for (int i = 0; i < shape.headDim(); i++) {
          score += (double) q.get(row, qColumn + i) * element(k, keys, s, j, kColumn + i);
        }
        p[j - oldest] = shape.scale() * score;
        max = Math.max(max, p[j - oldest]);
      }
      double sum = 0;
      for (int j = 0; j < p.length; j++) {
        p[j] = Math.exp(p[j] - max);
        sum += p[j];
      }
      for (int j = 0; j < p.length; j++) {
        p[j] /= sum;
      }
      return p;
    }

    /** sum_j p[j] v[j, column .. column + width - 1]. */
    double[] weightedValues(AttentionShape shape, int s, int r, double[] p, int column, int width) {
      int oldest = oldest(shape, batch.position()[s] + r);
      double[] out = new double[width];
      for (int j = 0; j < p.length; j++) {
        for (int i = 0; i < width; i++) {
          out[i] += p[j] * element(v, values, s, oldest + j, column + i);
        }
      }
      return out;
    }

    /** The first key that position t sees: j <= t and (window == 0 or j > t - window). */
    private static int oldest(AttentionShape shape, int t) {
      return shape.window() == 0 ? 0 : Math.max(0, t - shape.window() + 1);
    }

    private float element(@Nullable Matrix own, @Nullable Matrix cached, int s, int j, int column) {
      if (own != null && j >= batch.position()[s]) {
        return own.get(batch.sequenceStart()[s] + j - batch.position()[s], column);
      }
      if (kv == null || cached == null) {
        throw new AssertionError("checked: position " + j + " is in the cache");
      }
      return cached.get(kv.row(s, j), column);
    }
  }

  private static final class ReferenceStorage implements Storage {
    private final ReferenceBackend backend;
    private final int size;
    private float @Nullable [] elements;

    ReferenceStorage(ReferenceBackend backend, float[] elements) {
      this.backend = backend;
      this.size = elements.length;
      this.elements = elements;
    }

    float[] elements() {
      if (elements == null) {
        throw new IllegalStateException("the storage of this tensor is closed");
      }
      return elements;
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public void close() {
      synchronized (backend) {
        elements = null;
      }
    }
  }

  private static final class ReferenceWeight implements Weight {
    private final ReferenceBackend backend;
    private final int rows;
    private final int cols;
    private final DType dtype;
    private float @Nullable [] elements;

    ReferenceWeight(ReferenceBackend backend, float[] elements, int rows, int cols, DType dtype) {
      this.backend = backend;
      this.elements = elements;
      this.rows = rows;
      this.cols = cols;
      this.dtype = dtype;
    }

    Matrix matrix() {
      if (elements == null) {
        throw new IllegalStateException("the weight is closed");
      }
      return new Matrix(elements, dtype, 0, rows, cols, cols);
    }

    @Override
    public int rows() {
      return rows;
    }

    @Override
    public int cols() {
      return cols;
    }

    @Override
    public DType dtype() {
      return dtype;
    }

    @Override
    public long bytes() {
      return (long) rows * cols * Float.BYTES;
    }

    @Override
    public void setRows(int firstRow, ByteBuffer from, DType fromDtype) {
      synchronized (backend) {
        backend.checkOpen();
        Matrix w = matrix();
        int n = Checks.setRows(this, firstRow, from, fromDtype);
        ByteBuffer numbers = from.slice().order(ByteOrder.LITTLE_ENDIAN);
        for (int r = firstRow; r < firstRow + n; r++) {
          for (int c = 0; c < cols; c++) {
            float value =
                switch (fromDtype) {
                  case F32 -> numbers.getFloat();
                  case F16 -> HalfPrecision.fromF16(numbers.getShort());
                  case BF16 -> HalfPrecision.fromBf16(numbers.getShort());
                };
            w.set(r, c, value);
          }
        }
      }
    }

    @Override
    public void close() {
      synchronized (backend) {
        elements = null;
      }
    }
  }
}
