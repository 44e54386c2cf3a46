package io.sambay4j.backend;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Backend.Epilogue;
import io.sambay4j.backend.Backend.LinearArgs;
import io.sambay4j.backend.Backend.ScanArgs;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a backend does when its parts are closed, foreign, shared between threads or wrong. */
abstract class BackendLifetimeContract {
  private static final Batch ONE = new Batch(new int[] {0, 1}, new int[] {0}, new int[] {0});

  abstract Backend open();

  @Test
  void everyOperationWorksWhileOpen() throws Throwable {
    try (Backend backend = open()) {
      for (Executable call : new Calls(backend, backend).byName.values()) {
        call.execute();
      }
    }
  }

  @Test
  void everyOperationRefusesAfterClose() {
    Backend backend = open();
    Calls calls = new Calls(backend, backend);
    backend.close();
    calls.byName.forEach((name, call) -> assertThrows(IllegalStateException.class, call, name));
    calls.weight.close();
    calls.f32.storage().close(); // still allowed, to no effect
  }

  @Test
  void everyOperationIsCovered() {
    Set<String> operations = new TreeSet<>();
    for (Method method : Backend.class.getMethods()) {
      operations.add(method.getName());
    }
    operations.removeAll(Set.of("close", "description", "ownMemory")); // touch no tensor
    operations.removeAll(Set.of("samples", "record", "recordsGraphs")); // graphs: not on the CPU
    operations.add("setRows");
    try (Backend backend = open()) {
      assertEquals(operations, new TreeSet<>(new Calls(backend, backend).byName.keySet()));
    }
  }

  @Test
  void closedStorageAndClosedWeightAreRefused() {
    try (Backend backend = open()) {
      Calls calls = new Calls(backend, backend);
      calls.weight.close();
      for (String name : List.of("linear", "embedding", "setRows")) {
        assertThrows(IllegalStateException.class, calls.get(name), name);
      }
      calls.f32.storage().close();
      calls.byName.forEach(
          (name, call) -> {
            if (!Set.of("allocate", "weight", "setRows").contains(name)) {
              assertThrows(IllegalStateException.class, call, name);
            }
          });
    }
  }

  @Test
  void closingTwiceChangesNothing() {
    Backend backend = open();
    Tensor tensor = backend.allocate(DType.F32, 3, 4);
    Tensor other = backend.allocate(DType.F32, 3, 4);
    Weight weight = backend.weight(3, 4, DType.BF16);
    tensor.storage().close();
    tensor.storage().close();
    weight.close();
    weight.close();
    backend.zero(other);
    backend.close();
    backend.close();
    other.storage().close();
    weight.close();
  }

  @Test
  void whatBelongsToAnotherBackendIsRefused() {
    try (Backend backend = open();
        Backend second = open();
        Backend third = new ReferenceBackend()) {
      for (Backend other : List.of(second, third)) {
        Calls calls = new Calls(backend, other);
        calls.byName.forEach(
            (name, call) -> {
              if (!Set.of("allocate", "weight", "setRows").contains(name)) {
                assertThrows(IllegalArgumentException.class, call, name);
              }
            });
      }
    }
  }

  @Test
  void twoBackendsAtOnceDoNotMeet() {
    Backend first = open();
    try (Backend second = open()) {
      Tensor a = first.allocate(DType.F32, 1, 1);
      Tensor b = second.allocate(DType.F32, 1, 1);
      first.upload(new float[] {1}, 0, a);
      second.upload(new float[] {2}, 0, b);
      first.close();
      float[] got = new float[1];
      second.download(b, got, 0);
      assertEquals(2, got[0]);
    }
  }

  /** Sharing one backend is allowed: its argument structs must not mix. */
  @Test
  void callsOfSeveralThreadsWaitForOneAnother() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (Backend backend = open()) {
      List<Future<?>> results = new ArrayList<>();
      for (int id = 1; id <= 4; id++) {
        float value = id;
        results.add(
            threads.submit(
                () -> {
                  int size = 8 * (int) value;
                  Tensor x = backend.allocate(DType.F32, 1, size);
                  Tensor y = backend.allocate(DType.F32, 2, size);
                  float[] got = new float[2 * size];
                  for (int round = 0; round < 300; round++) {
                    float[] sent = new float[size];
                    Arrays.fill(sent, value * round);
                    backend.upload(sent, 0, x);
                    backend.gatherRows(x, new int[] {0, 0}, y);
                    backend.download(y, got, 0);
                    for (float number : got) {
                      assertEquals(value * round, number);
                    }
                  }
                }));
      }
      for (Future<?> result : results) {
        result.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void closingDuringACallOfAnotherThreadWaits() throws Exception {
    for (int round = 0; round < 10; round++) {
      Backend backend = open();
      Tensor x = backend.allocate(DType.F32, 16, 256);
      Tensor y = backend.allocate(DType.F32, 16, 256);
      Weight weight = backend.weight(256, 256, DType.F32);
      CountDownLatch working = new CountDownLatch(1);
      ExecutorService worker = Executors.newSingleThreadExecutor();
      Future<?> work =
          worker.submit(
              () -> {
                while (true) {
                  backend.linear(x, weight, null, y, false);
                  working.countDown();
                }
              });
      worker.shutdown();
      working.await();
      if (round % 2 == 0) {
        backend.close();
      } else {
        weight.close();
      }
      ExecutionException end = assertThrows(ExecutionException.class, work::get);
      assertInstanceOf(IllegalStateException.class, end.getCause());
      backend.close();
    }
  }

  @Test
  void moreThanAllMemoryIsRefusedAndHarmless() {
    try (Backend backend = open()) {
      int most = Integer.MAX_VALUE;
      assertThrows(OutOfDeviceMemoryException.class, () -> backend.allocate(DType.F32, most, most));
      assertThrows(
          OutOfDeviceMemoryException.class, () -> backend.allocate(DType.F32, most, 1 << 16));
      backend.zero(backend.allocate(DType.F32, 2, 2));
    }
  }

  @Test
  void wrongArgumentsAreNamed() {
    try (Backend backend = open()) {
      Tensor x = backend.allocate(DType.F32, 7, 5);
      Tensor y = backend.allocate(DType.F32, 7, 4);
      Tensor half = backend.allocate(DType.F16, 1, 4);
      Weight weight = backend.weight(4, 6, DType.F32);
      Weight fitting = backend.weight(4, 5, DType.F32);
      Map<String, Executable> wrong = new LinkedHashMap<>();
      wrong.put(
          "linear: x is f32[7, 5], expected [tokens=7, inputs=6]",
          () -> backend.linear(x, weight, null, y, false));
      wrong.put(
          "linear: bias is f16[1, 4], expected f32",
          () -> backend.linear(x, fitting, half, y, false));
      wrong.put(
          "linear: y is f32[6, 4], expected [tokens=7, outputs=4]",
          () -> backend.linear(x, fitting, null, y.rows(0, 6), false));
      wrong.put(
          "linear: y overlaps x in memory",
          () -> backend.linear(x, fitting, null, x.cols(1, 5), false));
      wrong.put(
          "linear: norm.weight is f32[1, 4], expected [rows=1, inputs=5]",
          () ->
              backend.linear(
                  new LinearArgs(
                      x,
                      new Norm(y.rows(0, 1), null, 0, DType.F32),
                      fitting,
                      null,
                      Epilogue.STORE,
                      null,
                      y)));
      wrong.put(
          "linear: y is f32[7, 4], expected [tokens=7, outputs / 2=2]",
          () -> backend.linear(new LinearArgs(x, null, fitting, null, Epilogue.SWIGLU, null, y)));
      wrong.put(
          "linear: memory is not given, expected it with GMU and only then",
          () -> backend.linear(new LinearArgs(x, null, fitting, null, Epilogue.GMU, null, y)));
      wrong.put(
          "linear: memory is given, expected it with GMU and only then",
          () -> backend.linear(new LinearArgs(x, null, fitting, null, Epilogue.STORE, y, y)));
      wrong.put(
          "linear: y overlaps memory in memory",
          () -> backend.linear(new LinearArgs(x, null, fitting, null, Epilogue.GMU, y, y)));
      wrong.put(
          "zero: tensor is f32[0, 4], expected at least one row and one column",
          () -> backend.zero(y.rows(2, 2)));
      wrong.put(
          "embedding: ids[1] is 4, expected 0 to vocabulary - 1 = 3",
          () -> backend.embedding(fitting, new int[] {0, 4}, x.rows(0, 2)));
      wrong.put(
          "gatherRows: rows[0] is -1, expected 0 to tokens - 1 = 6",
          () -> backend.gatherRows(x, new int[] {-1}, x.rows(0, 1)));
      wrong.put(
          "upload: f32[7, 5] takes 35 numbers from 0 on, the array has 34",
          () -> backend.upload(new float[34], 0, x));
      wrong.put(
          "gmu: normGroups is 3, expected a divisor of inner=4",
          () -> backend.gmu(y, y, vector(backend, 4), 0, 3, backend.allocate(DType.F32, 7, 4)));
      wrong.put(
          "causalConv1d: slot 2 twice in one batch",
          () ->
              backend.causalConv1d(
                  new Batch(new int[] {0, 3, 7}, new int[] {2, 2}, new int[2]),
                  x,
                  backend.allocate(DType.F32, 3, 5),
                  null,
                  backend.allocate(DType.F32, 6, 5),
                  backend.allocate(DType.F32, 7, 5)));
      wrong.put(
          "causalConv1d: tail is f32[6, 5], no room for slot 3 of taps - 1=2 rows",
          () ->
              backend.causalConv1d(
                  new Batch(new int[] {0, 7}, new int[] {3}, new int[1]),
                  x,
                  backend.allocate(DType.F32, 3, 5),
                  null,
                  backend.allocate(DType.F32, 6, 5),
                  backend.allocate(DType.F32, 7, 5)));
      wrong.put(
          "attention: sequence 0 needs keys from the cache, kv is null",
          () ->
              backend.attention(
                  new Batch(new int[] {0, 7}, new int[] {0}, new int[] {1}),
                  new AttentionShape(2, 1, 2, 0),
                  y,
                  backend.allocate(DType.F32, 7, 2),
                  backend.allocate(DType.F32, 7, 2),
                  null,
                  backend.allocate(DType.F32, 7, 4)));
      wrong.put(
          "kvAppend: table[0, 0] is block 2, expected 0 to 1",
          () ->
              backend.kvAppend(
                  ONE,
                  vector(backend, 3),
                  vector(backend, 3),
                  new KeyValueView(
                      backend.allocate(DType.F32, 8, 3),
                      backend.allocate(DType.F32, 8, 3),
                      4,
                      1,
                      new int[] {2})));
      wrong.put(
          "rope: sequence 0 ends at position 9, cos has 7 rows",
          () ->
              backend.rope(
                  new Batch(new int[] {0, 1}, new int[] {0}, new int[] {9}),
                  vector(backend, 8),
                  y,
                  backend.allocate(DType.F32, 7, 4),
                  8));
      wrong.put(
          "setRows: 6 bytes, expected a multiple of 20, a row of 5 f32",
          () -> fitting.setRows(0, ByteBuffer.allocate(6), DType.F32));
      wrong.put(
          "setRows: rows 3 to 4, expected within 0 to 3",
          () -> fitting.setRows(3, ByteBuffer.allocate(40), DType.F32));
      wrong.forEach(
          (message, call) ->
              assertEquals(
                  message, assertThrows(IllegalArgumentException.class, call).getMessage()));
    }
  }

  private static Tensor vector(Backend backend, int cols) {
    return backend.allocate(DType.F32, 1, cols);
  }

  /** One correct call of every operation, its arguments from {@code owner}. */
  private static final class Calls {
    final Tensor f32;
    final Weight weight;
    final Map<String, Executable> byName = new LinkedHashMap<>();

    /** {@code f32} is an argument of every call, so closing it must be noticed by all. */
    Calls(Backend backend, Backend owner) {
      f32 = owner.allocate(DType.F32, 1, 4);
      weight = owner.weight(4, 4, DType.F32);
      Tensor y = owner.allocate(DType.F32, 1, 4);
      Tensor wide = owner.allocate(DType.F32, 1, 8);
      Tensor rows = owner.allocate(DType.F32, 2, 4);
      Tensor state = owner.allocate(DType.F32, 2, 4);
      Tensor cos = owner.allocate(DType.F32, 1, 2);
      AttentionShape shape = new AttentionShape(2, 2, 2, 0);
      KeyValueView cache =
          new KeyValueView(
              owner.allocate(DType.F32, 2, 4),
              owner.allocate(DType.F32, 2, 4),
              2,
              1,
              new int[] {0});
      Differential differential = new Differential(0.5f, 0.5f, vector(owner, 4), 1e-5f);
      byName.put("allocate", () -> backend.allocate(DType.F32, 1, 1));
      byName.put("weight", () -> backend.weight(1, 1, DType.F32));
      byName.put("upload", () -> backend.upload(new float[4], 0, f32));
      byName.put("download", () -> backend.download(f32, new float[4], 0));
      byName.put("copy", () -> backend.copy(f32, y));
      byName.put("zero", () -> backend.zero(f32));
      byName.put("linear", () -> backend.linear(f32, weight, null, y, false));
      byName.put("embedding", () -> backend.embedding(weight, new int[] {3}, f32));
      byName.put("gatherRows", () -> backend.gatherRows(f32, new int[] {0}, y));
      byName.put(
          "layerNorm",
          () -> backend.layerNorm(f32, cache.keys().rows(0, 1), y, 0, wide.cols(0, 4)));
      byName.put("rmsNorm", () -> backend.rmsNorm(f32, y, 0, wide.cols(0, 4)));
      byName.put("swiglu", () -> backend.swiglu(wide, f32));
      byName.put("gmu", () -> backend.gmu(f32, y, null, 0, 0, wide.cols(0, 4)));
      byName.put("causalConv1d", () -> backend.causalConv1d(ONE, f32, rows, null, state, y));
      byName.put(
          "selectiveScan",
          () ->
              backend.selectiveScan(
                  ONE,
                  new ScanArgs(
                      f32, wide.cols(0, 4), null, rows, cos, cos, null, null, state, y, null)));
      byName.put("kvAppend", () -> backend.kvAppend(ONE, f32, y, cache));
      byName.put("kvRead", () -> backend.kvRead(cache, 0, 0, f32, y));
      byName.put("attention", () -> backend.attention(ONE, shape, f32, null, null, cache, y));
      byName.put(
          "diffAttention",
          () -> backend.diffAttention(ONE, shape, differential, f32, null, null, cache, y));
      byName.put("rope", () -> backend.rope(ONE, f32, cos, rows.rows(0, 1).cols(0, 2), 4));
      byName.put("sample", () -> backend.sample(f32, new Draws(1)));
      byName.put("setRows", () -> weight.setRows(0, ByteBuffer.allocate(16), DType.F32));
    }

    Executable get(String name) {
      return requireNonNull(byName.get(name), name);
    }
  }
}
