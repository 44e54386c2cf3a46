package io.sambay4j.bench.operations;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.sambay4j.backend.DeviceLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A run of benchmarks and the limits measured with it.
 *
 * @param date of the run, ISO 8601
 * @param machine the processor's name
 * @param java version of the VM
 * @param devices what each device in use reached at best
 * @param measurements in the order of the run
 */
record Report(
    String date,
    String machine,
    String java,
    List<Device> devices,
    List<Measurement> measurements) {

  /** A device, described in one line, and its limits. */
  record Device(String description, DeviceLimits limits) {}

  /**
   * One benchmark with one set of parameters.
   *
   * @param device its description
   * @param seconds the median of the calls
   * @param bestSeconds the shortest call
   * @param seconds90 nine of ten calls took no longer
   * @param calls how many were timed
   * @param work what a call cannot avoid
   * @param floorSeconds what the device needs for that at least
   * @param bound what the floor is: memory or arithmetic
   * @param percentOfLimit the floor as a part of the median
   * @param percentOfCopy bytes at the rate of a copy, as a part of the median; 0 if not asked
   * @param percentOfMatrix products of bf16 at their best rate, as a part of the median
   */
  record Measurement(
      String operation,
      Map<String, String> parameters,
      String device,
      double seconds,
      double bestSeconds,
      double seconds90,
      long calls,
      Work work,
      double floorSeconds,
      String bound,
      double percentOfLimit,
      double percentOfCopy,
      double percentOfMatrix) {}

  /** For people: the limits, then one line for each measurement. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append("%s, Java %s, %s%n".formatted(machine, java, date));
    for (Device device : devices) {
      DeviceLimits limits = device.limits();
      text.append(
          line(
              "%s: reads %.1f GB/s, copies %s, f32 %.3f TFLOP/s, bf16 %s, int8 %s, %.2f G exponentials/s",
              device.description(),
              limits.readBytes() / 1e9,
              limits.copyBytes() == 0 ? "not asked" : line("%.1f GB/s", limits.copyBytes() / 1e9),
              limits.f32Flops() / 1e12,
              limits.bf16Flops() == 0 ? "none" : line("%.3f TFLOP/s", limits.bf16Flops() / 1e12),
              limits.int8Ops() == 0 ? "none" : line("%.3f TOP/s", limits.int8Ops() / 1e12),
              limits.exponentials() / 1e9));
      text.append(System.lineSeparator());
    }
    int operationWidth = "operation".length();
    int shapeWidth = "shape".length();
    for (Measurement measurement : measurements) {
      operationWidth = Math.max(operationWidth, measurement.operation().length());
      shapeWidth = Math.max(shapeWidth, shape(measurement).length());
    }
    String columns =
        "%-" + operationWidth + "s | %-" + shapeWidth + "s | %12s | %12s | %12s | %-10s | %10s%s%n";
    boolean shares = devices.stream().anyMatch(device -> device.limits().copyBytes() > 0);
    text.append(
        String.format(
            Locale.ROOT,
            columns,
            "operation",
            "shape",
            "time",
            "best",
            "floor",
            "bound by",
            "% of limit",
            shares ? " |  % of copy | % of matrix" : ""));
    for (Measurement measurement : measurements) {
      text.append(
          String.format(
              Locale.ROOT,
              columns,
              measurement.operation(),
              shape(measurement),
              time(measurement.seconds()),
              time(measurement.bestSeconds()),
              time(measurement.floorSeconds()),
              measurement.bound(),
              line("%.1f", measurement.percentOfLimit()),
              shares
                  ? line(
                      " | %10.1f | %11.1f",
                      measurement.percentOfCopy(), measurement.percentOfMatrix())
                  : ""));
    }
    return text.toString();
  }

  void writeJson(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), this);
  }

  private static String shape(Measurement measurement) {
    StringBuilder shape = new StringBuilder();
    measurement
        .parameters()
        .forEach((name, value) -> shape.append(name).append('=').append(value).append(' '));
    return shape.toString().strip();
  }

  private static String time(double seconds) {
    double micros = seconds * 1e6;
    return micros < 10_000 ? line("%.2f us", micros) : line("%.1f ms", micros / 1e3);
  }

  private static String line(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
