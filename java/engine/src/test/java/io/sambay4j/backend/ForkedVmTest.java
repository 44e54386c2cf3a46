package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What can only be seen in a Java VM of its own. */
@Tag("native")
class ForkedVmTest {
  /** Exits while another thread computes. */
  static final class ExitDuringWork {
    public static void main(String[] args) throws InterruptedException {
      Backend backend = Targets.open("auto");
      Tensor x = backend.allocate(DType.F32, 64, 512);
      Tensor y = backend.allocate(DType.F32, 64, 512);
      Weight weight = backend.weight(512, 512, DType.F32);
      CountDownLatch working = new CountDownLatch(20);
      new Thread(
              () -> {
                while (true) {
                  backend.linear(x, weight, null, y, false);
                  working.countDown();
                }
              })
          .start();
      working.await();
      System.exit(7);
    }
  }

  /** Holds far more native memory than the heap allows JavaCPP by default, then allocates more. */
  static final class MoreThanTheHeap {
    public static void main(String[] args) {
      Backend backend = Targets.open("auto");
      Tensor tensor = backend.allocate(DType.F32, 400, 1 << 18);
      float[] row = new float[1 << 18];
      Arrays.fill(row, 1);
      for (int r = 0; r < 400; r++) {
        backend.upload(row, 0, tensor.rows(r, r + 1));
      }
      Targets.open("auto").close(); // allocates its argument structs through JavaCPP
      System.out.println("allocated");
    }
  }

  static final class OpenAuto {
    public static void main(String[] args) {
      try (Backend backend = Backends.open("auto", null, 1)) {
        System.out.println(backend.description());
        System.out.println(NativeLibrary.unavailabilityCause().map(Throwable::getMessage));
      }
    }
  }

  @Test
  void exitDuringWorkDoesNotCrash() throws Exception {
    Targets.open("auto").close();
    assertEquals(7, run(ExitDuringWork.class).exitCode);
  }

  @Test
  void nativeMemoryMayExceedTheHeap() throws Exception {
    Targets.open("auto").close();
    Result result = run(MoreThanTheHeap.class, "-Xmx64m");
    assertEquals(0, result.exitCode, result.output);
    assertTrue(result.output.contains("allocated"), result.output);
  }

  @Test
  void withoutAWritableCacheTheReferenceRuns() throws Exception {
    Result result =
        run(
            OpenAuto.class,
            "-Dorg.bytedeco.javacpp.cachedir=/proc/nowhere",
            "-Duser.home=/proc/nowhere",
            "-Djava.io.tmpdir=/proc/nowhere");
    assertEquals(0, result.exitCode, result.output);
    assertTrue(result.output.contains("reference (plain Java"), result.output);
    assertTrue(result.output.contains("could not be loaded"), result.output);
    assertTrue(result.output.contains("writable cache"), result.output);
  }

  private record Result(int exitCode, String output) {}

  private static Result run(Class<?> main, String... options)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String cache = System.getProperty("org.bytedeco.javacpp.cachedir");
    if (cache != null) {
      command.add("-Dorg.bytedeco.javacpp.cachedir=" + cache);
    }
    command.addAll(List.of(options)); // the last of two equal properties counts
    String classPath = System.getProperty("surefire.test.class.path");
    command.add("-cp");
    command.add(classPath != null ? classPath : System.getProperty("java.class.path"));
    command.add(main.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), output);
  }
}
