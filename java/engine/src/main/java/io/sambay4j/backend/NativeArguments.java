package io.sambay4j.backend;

import io.sambay4j.bindings.global.Native;
import io.sambay4j.bindings.sy_attention_args;
import io.sambay4j.bindings.sy_batch;
import io.sambay4j.bindings.sy_causal_conv1d_args;
import io.sambay4j.bindings.sy_diff_attention_args;
import io.sambay4j.bindings.sy_embedding_args;
import io.sambay4j.bindings.sy_gather_rows_args;
import io.sambay4j.bindings.sy_gmu_args;
import io.sambay4j.bindings.sy_kv;
import io.sambay4j.bindings.sy_kv_append_args;
import io.sambay4j.bindings.sy_kv_read_args;
import io.sambay4j.bindings.sy_layer_norm_args;
import io.sambay4j.bindings.sy_linear_args;
import io.sambay4j.bindings.sy_norm;
import io.sambay4j.bindings.sy_rms_norm_args;
import io.sambay4j.bindings.sy_rope_args;
import io.sambay4j.bindings.sy_sample_args;
import io.sambay4j.bindings.sy_selective_scan_args;
import io.sambay4j.bindings.sy_swiglu_args;
import io.sambay4j.bindings.sy_tensor;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * The structs of sambay.h, one of each, made once and filled again for every call: a forward pass
 * allocates nothing native. One call uses them at a time, under the monitor of its {@link
 * NativeDevice}.
 */
final class NativeArguments {
  /** The selective scan takes the most tensors: eleven. */
  private static final int MOST_TENSORS = 11;

  private static final long STAGING_BYTES = 1 << 18;

  private final List<Pointer> structs = new ArrayList<>();
  private final sy_tensor[] tensors = new sy_tensor[MOST_TENSORS];
  private int used;
  private final Address address = new Address();
  private final sy_batch batch = keep(new sy_batch());
  private final sy_kv kv = keep(new sy_kv());
  private final CallArrays callArrays = new CallArrays();
  private HostArrays arrays = callArrays;
  private BytePointer staging = new BytePointer(STAGING_BYTES);

  final sy_norm norm = keep(new sy_norm());
  final sy_linear_args linear = keep(new sy_linear_args());
  final sy_embedding_args embedding = keep(new sy_embedding_args());
  final sy_gather_rows_args gatherRows = keep(new sy_gather_rows_args());
  final sy_layer_norm_args layerNorm = keep(new sy_layer_norm_args());
  final sy_rms_norm_args rmsNorm = keep(new sy_rms_norm_args());
  final sy_swiglu_args swiglu = keep(new sy_swiglu_args());
  final sy_gmu_args gmu = keep(new sy_gmu_args());
  final sy_causal_conv1d_args causalConv1d = keep(new sy_causal_conv1d_args());
  final sy_selective_scan_args selectiveScan = keep(new sy_selective_scan_args());
  final sy_kv_append_args kvAppend = keep(new sy_kv_append_args());
  final sy_kv_read_args kvRead = keep(new sy_kv_read_args());
  final sy_attention_args attention = keep(new sy_attention_args());
  final sy_diff_attention_args diffAttention = keep(new sy_diff_attention_args());
  final sy_rope_args rope = keep(new sy_rope_args());
  final sy_sample_args sample = keep(new sy_sample_args());

  NativeArguments() {
    for (int i = 0; i < MOST_TENSORS; i++) {
      tensors[i] = keep(new sy_tensor());
    }
  }

  /** Before the first argument of a call. */
  void reset() {
    used = 0;
    callArrays.reset();
  }

  /** The arrays of the call. */
  HostArrays arrays() {
    return arrays;
  }

  /** Puts the arrays of the calls that follow into a graph's memory; null: into that of a call. */
  void keepArraysIn(@Nullable GraphArrays graph) {
    arrays = graph == null ? callArrays : graph;
  }

  sy_tensor tensor(long data, DType dtype, long rows, long cols, long stride) {
    sy_tensor tensor = tensors[used++];
    tensor.data(address.at(data));
    return tensor.dtype(nativeDtype(dtype)).rows(rows).cols(cols).stride(stride);
  }

  sy_batch batch(Batch from) {
    return batch
        .sequences(from.sequences())
        .seq_start(arrays.ints(from.sequenceStart()))
        .slot(arrays.ints(from.slot()))
        ._position(arrays.ints(from.position()));
  }

  sy_kv kv(KeyValueView from, sy_tensor keys, sy_tensor values) {
    return kv.keys(keys)
        .values(values)
        .block_tokens(from.blockTokens())
        .table_cols(from.tableCols())
        .table(arrays.ints(from.table()));
  }

  /** Host memory of at least so many bytes, on the way to or from the device. */
  BytePointer staging(long bytes) {
    if (staging.capacity() < bytes) {
      staging.close();
      staging = new BytePointer(bytes);
    }
    return staging;
  }

  void close() {
    staging.close();
    structs.forEach(Pointer::close);
    callArrays.close();
  }

  static int nativeDtype(DType dtype) {
    return switch (dtype) {
      case F32 -> Native.SY_F32;
      case F16 -> Native.SY_F16;
      case BF16 -> Native.SY_BF16;
      case INT8 -> Native.SY_INT8;
      case INT4 -> Native.SY_INT4;
    };
  }

  private <P extends Pointer> P keep(P struct) {
    structs.add(struct);
    return struct;
  }

  /** An address as JavaCPP wants to be given one. */
  private static final class Address extends Pointer {
    Address at(long value) {
      address = value;
      return this;
    }
  }
}
