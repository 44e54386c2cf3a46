package io.sambay4j.backend;

import static java.util.Objects.requireNonNull;

import io.sambay4j.weights.SafeTensors;
import io.sambay4j.weights.TensorInfo;
import java.nio.file.Path;
import java.util.Arrays;

/** One file of native/tests/goldens/kernels. */
final class GoldenFile {
  private final Path path;

  GoldenFile(String name) {
    String root =
        requireNonNull(System.getProperty("sambay.root"), "sambay.root: the repository's root");
    path = Path.of(root, "native/tests/goldens/kernels", name + ".safetensors");
  }

  boolean has(String name) {
    try (SafeTensors file = SafeTensors.open(path)) {
      return file.tensors().containsKey(name);
    }
  }

  int[] shape(String name) {
    try (SafeTensors file = SafeTensors.open(path)) {
      return Arrays.stream(tensor(file, name).shape()).mapToInt(Math::toIntExact).toArray();
    }
  }

  float[] floats(String name) {
    try (SafeTensors file = SafeTensors.open(path)) {
      return file.readFloats(tensor(file, name));
    }
  }

  int[] integers(String name) {
    try (SafeTensors file = SafeTensors.open(path)) {
      return Arrays.stream(file.readLongs(tensor(file, name))).mapToInt(Math::toIntExact).toArray();
    }
  }

  private static TensorInfo tensor(SafeTensors file, String name) {
    return requireNonNull(file.tensors().get(name), name);
  }
}
