package io.sambay4j.model;

import io.sambay4j.InvalidModelException;
import io.sambay4j.backend.AttentionShape;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Quantizer;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Brings the weights of a checkpoint onto a backend, matrix by matrix through one staging buffer,
 * so that nothing is held twice. Tensor names and layouts: {@link ModelTensors}.
 */
public final class ModelLoader {
  /** Bytes read and packed at a time: large enough for the disk, small beside the weights. */
  private static final int STAGING_BYTES = 16 << 20;

  /** A row of a tensor for each, in whole blocks. */
  private static final long MOST_CACHE_TOKENS = Integer.MAX_VALUE - StatePool.BLOCK_TOKENS;

  private final Backend backend;
  private final ModelConfig config;
  private final Checkpoint checkpoint;
  private final LoadOptions options;
  private final Progress progress;
  private final TensorNames names;
  private final ModelTensors tensors;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final int stagingBytes;
  private @Nullable ByteBuffer staging;
  private Quantizer.@Nullable Rows
      codes; // as staging: direct memory goes back late, so it is used again
  private float[] decoded = {};
  private long bytesDone;

  private ModelLoader(
      Backend backend,
      ModelConfig config,
      Checkpoint checkpoint,
      LoadOptions options,
      Progress progress) {
    this.backend = backend;
    this.config = config;
    this.names = TensorNames.of(config);
    this.tensors = ModelTensors.of(config);
    this.checkpoint = checkpoint;
    this.options = options;
    this.progress = progress;
    long largest =
        checkpoint.names().stream()
            .map(checkpoint::tensor)
            .mapToLong(tensor -> tensor.elements() * staged(tensor.type()).bytes())
            .max()
            .orElse(0);
    this.stagingBytes = (int) Math.min(STAGING_BYTES, largest);
  }

  private ByteBuffer staging() {
    if (staging == null) {
      staging = ByteBuffer.allocateDirect(stagingBytes).order(ByteOrder.LITTLE_ENDIAN);
    }
    return staging;
  }

  /** Room for codes and scales of so many numbers, in any format. */
  private Quantizer.Rows codes() {
    if (codes == null) {
      int elements = stagingBytes / DType.F32.bytes();
      codes = Quantizer.Rows.allocate(DType.INT8, 1, elements);
    }
    return codes;
  }

  /** Told now and then how far the loading has come. */
  @FunctionalInterface
  public interface Progress {
    void update(long bytesDone, long bytesTotal);
  }

  /**
   * Loads a model. The model takes the backend over and closes it; if loading fails, everything is
   * closed.
   *
   * @throws io.sambay4j.InvalidModelException if the checkpoint does not hold what the
   *     configuration needs
   */
  public static SambayModel load(
      Backend backend,
      ModelConfig config,
      Checkpoint checkpoint,
      LoadOptions options,
      Progress progress) {
    try {
      ModelTensors.of(config).verify(checkpoint);
      ModelLoader loader = new ModelLoader(backend, config, checkpoint, options, progress);
      ModelParts parts = loader.parts();
      Workspace work = loader.own(Workspace.create(backend, config, options));
      PrefixCacheBudget kept = MemoryEstimate.prefixCache(config, options);
      long cacheTokens = Math.min((long) options.cacheTokens() + kept.tokens(), MOST_CACHE_TOKENS);
      StatePool states =
          new StatePool(
              backend,
              config,
              options.activations(),
              options.sequences(),
              options.contextLimit(),
              (int) cacheTokens,
              kept.places());
      return new SambayModel(
          parts,
          work,
          states,
          options.stepTokens(),
          options.deterministic(),
          ModelFingerprint.of(config, options, checkpoint, backend.description()),
          MemoryEstimate.of(config, options, checkpoint).weights());
    } catch (RuntimeException | Error e) {
      backend.close(); // closes what was made on it
      throw e;
    }
  }

  private ModelParts parts() {
    Weight embedding = weight(names.embedding() + ".weight");
    Rotary rotary = rotary();
    List<DecoderLayer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers().size(); i++) {
      layers.add(layer(i, rotary));
    }
    Norm finalNorm = norm(names.finalNorm());
    Weight head = config.tiedEmbeddings() ? embedding : weight(names.head() + ".weight");
    return new ModelParts(
        config, backend, embedding, rotary, layers, finalNorm, new Linear(head, null), owned);
  }

  private @Nullable Rotary rotary() {
    RopeConfig rope = config.rope();
    if (rope == null) {
      return null;
    }
    Rotary rotary = Rotary.create(backend, rope, options.contextLimit());
    own(rotary.cos().storage());
    own(rotary.sin().storage());
    return rotary;
  }

  private DecoderLayer layer(int i, @Nullable Rotary rotary) {
    Norm inputNorm = norm(names.mixerNorm(i));
    Mixer mixer = mixer(i, rotary);
    if (!config.hasMlp()) {
      return new DecoderLayer(inputNorm, mixer, null, null);
    }
    return new DecoderLayer(
        inputNorm,
        mixer,
        norm(names.mlpNorm(i)),
        new Mlp(linear(names.gateUp(i), false), linear(names.down(i), false)));
  }

  private Mixer mixer(int i, @Nullable Rotary rotary) {
    String prefix = names.mixer(i) + ".";
    return switch (config.layers().get(i)) {
      case MAMBA -> mamba(i, prefix, false);
      case MAMBA_MEMORY -> mamba(i, prefix, true);
      case SWA -> selfAttention(i, rotary, config.slidingWindow());
      case FULL ->
          config.borderLayer().equals(OptionalInt.of(i))
              ? fullAttention(i, rotary)
              : selfAttention(i, rotary, 0);
      case CROSS ->
          new CrossAttention(
              config.fullLayer().orElseThrow(),
              attention(i, rotary, 0),
              linear(names.qkv(i), config.attentionBias()),
              linear(names.attentionOutput(i), config.attentionBias()));
      case GMU ->
          new GatedMemoryUnit(
              linear(prefix + "in_proj", false),
              config.gmuNorm() ? vector(prefix + "norm.weight") : null,
              (float) config.normEps(),
              linear(prefix + "out_proj", false));
    };
  }

  private MambaMixer mamba(int i, String prefix, boolean makesMemory) {
    float[] a = floats(prefix + "A_log");
    for (int j = 0; j < a.length; j++) {
      a[j] = (float) -Math.exp(a[j]);
    }
    return new MambaMixer(
        i,
        linear(prefix + "in_proj", false),
        transposed(floats(prefix + "conv1d.weight"), config.mambaConv()),
        vector(prefix + "conv1d.bias"),
        linear(prefix + "x_proj", false),
        linear(prefix + "dt_proj", false),
        vector(prefix + "dt_proj.bias"),
        transposed(a, config.mambaState()),
        vector(prefix + "D"),
        linear(prefix + "out_proj", false),
        makesMemory);
  }

  private SelfAttention selfAttention(int i, @Nullable Rotary rotary, int window) {
    return new SelfAttention(
        i,
        attention(i, rotary, window),
        linear(names.qkv(i), config.attentionBias()),
        linear(names.attentionOutput(i), config.attentionBias()));
  }

  private FullAttention fullAttention(int i, @Nullable Rotary rotary) {
    AttentionCore core = attention(i, rotary, 0);
    String name = names.qkv(i) + ".weight";
    int queries = core.queryCols();
    int all = queries + 2 * core.kvCols();
    Tensor bias = config.attentionBias() ? vector(names.qkv(i) + ".bias") : null;
    return new FullAttention(
        i,
        core,
        new Linear(weight(name, 0, queries), bias == null ? null : bias.cols(0, queries)),
        new Linear(weight(name, queries, all), bias == null ? null : bias.cols(queries, all)),
        linear(names.attentionOutput(i), config.attentionBias()));
  }

  private AttentionCore attention(int i, @Nullable Rotary rotary, int window) {
    AttentionShape shape =
        new AttentionShape(config.heads(), config.kvHeads(), config.headDim(), window);
    return new AttentionCore(
        shape,
        rotary,
        config.differentialAttention()
            ? differential(i, names.mixer(i) + ".inner_cross_attn.")
            : null);
  }

  /** λ = exp(λq1·λk1) − exp(λq2·λk2) + λ0(i), λ0(i) = 0.8 − 0.6·e^(−0.3·i). */
  private Differential differential(int i, String prefix) {
    double lambda0 = ModelConfig.lambda0(i);
    double lambda =
        Math.exp(dot(prefix + "lambda_q1", prefix + "lambda_k1"))
            - Math.exp(dot(prefix + "lambda_q2", prefix + "lambda_k2"))
            + lambda0;
    return new Differential(
        (float) lambda, (float) (1 - lambda0), vector(prefix + "subln.weight"), SUBLN_EPS);
  }

  /** Epsilon of the sub-norm, fixed in the published code whatever the model's norm uses. */
  private static final float SUBLN_EPS = 1e-5f;

  private float[] floats(String name) {
    return checkpoint.readFloats(checkpoint.tensor(name));
  }

  private double dot(String left, String right) {
    float[] x = floats(left);
    float[] y = floats(right);
    double sum = 0;
    for (int j = 0; j < x.length; j++) {
      sum += (double) x[j] * y[j];
    }
    return sum;
  }

  private Norm norm(String name) {
    return new Norm(
        vector(name + ".weight"),
        config.norm() == NormKind.LAYER_NORM ? vector(name + ".bias") : null,
        (float) config.normEps(),
        options.activations());
  }

  private Linear linear(String name, boolean withBias) {
    return new Linear(weight(name + ".weight"), withBias ? vector(name + ".bias") : null);
  }

  /** A vector, widened to f32: they are a ten-thousandth of the weights. */
  private Tensor vector(String name) {
    float[] values = floats(name);
    Tensor tensor = backend.allocate(DType.F32, 1, values.length);
    own(tensor.storage());
    backend.upload(values, 0, tensor);
    return tensor;
  }

  /** [channels, n] in the file, [n, channels] for the kernels, which run along the channels. */
  private Tensor transposed(float[] values, int n) {
    int channels = values.length / n;
    float[] turned = new float[values.length];
    for (int c = 0; c < channels; c++) {
      for (int j = 0; j < n; j++) {
        turned[j * channels + c] = values[c * n + j];
      }
    }
    Tensor tensor = backend.allocate(DType.F32, n, channels);
    own(tensor.storage());
    backend.upload(turned, 0, tensor);
    return tensor;
  }

  private Weight weight(String name) {
    return weight(name, 0, Math.toIntExact(checkpoint.tensor(name).shape()[0]));
  }

  private Weight weight(String name, int fromRow, int toRow) {
    TensorInfo info = checkpoint.tensor(name);
    int cols = Math.toIntExact(info.shape()[1]);
    DType kept = options.kept(tensors.tensor(name), info.type());
    Weight weight = own(backend.weight(toRow - fromRow, cols, kept));
    boolean asCodes =
        info.type().isBlock() && kept.isQuantized() && kept == WeightFormat.storedAs(info.type());
    DType staged = staged(info.type());
    long rowBytes = (long) cols * staged.bytes();
    int rowsAtOnce = (int) Math.max(1, stagingBytes / rowBytes);
    for (int row = fromRow; row < toRow; row += rowsAtOnce) {
      int n = Math.min(rowsAtOnce, toRow - row);
      if (asCodes) {
        Quantizer.Rows read = codes();
        checkpoint.readQuantized(info, row, n, read.codes(), read.scales());
        weight.setQuantizedRows(row - fromRow, read.codes(), read.scales());
      } else {
        ByteBuffer staging = staging();
        staging.clear().limit(Math.toIntExact(n * rowBytes));
        if (info.type().isBlock()) {
          decode(info, row, n, cols);
        } else {
          checkpoint.read(info, row * rowBytes, staging);
          staging.flip();
        }
        setRows(weight, row - fromRow, staged, name);
      }
      bytesDone += info.type().bytes((long) n * cols);
      progress.update(bytesDone, checkpoint.totalBytes());
    }
    return weight;
  }

  private void setRows(Weight weight, int row, DType staged, String name) {
    try {
      weight.setRows(row, staging(), staged);
    } catch (IllegalArgumentException e) { // a number that cannot be quantised
      throw new InvalidModelException(
          checkpoint.directory() + ": tensor " + name + ": " + e.getMessage(), e);
    }
  }

  /** Fills the staging buffer with rows of a tensor that is stored in blocks, as f32. */
  private void decode(TensorInfo info, int row, int rows, int cols) {
    if (decoded.length < rows * cols) {
      decoded = new float[rows * cols];
    }
    checkpoint.readFloats(info, (long) row * cols, decoded, 0, rows * cols);
    staging().asFloatBuffer().put(decoded, 0, rows * cols);
  }

  /** How numbers go through the staging buffer: as they are stored, blocks decoded. */
  private static DType staged(StorageType stored) {
    return stored.isBlock() ? DType.F32 : WeightFormat.storedAs(stored);
  }

  private <T extends AutoCloseable> T own(T part) {
    owned.add(part);
    return part;
  }
}
