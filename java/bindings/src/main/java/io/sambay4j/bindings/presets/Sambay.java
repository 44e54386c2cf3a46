package io.sambay4j.bindings.presets;

import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * How {@code sambay/sambay.h} becomes Java: one class for each struct in {@code
 * io.sambay4j.bindings} and one {@code io.sambay4j.bindings.global.Native} with the functions and
 * constants.
 */
@Properties(
    target = "io.sambay4j.bindings",
    global = "io.sambay4j.bindings.global.Native",
    value =
        @Platform(
            value = "linux-x86_64",
            include = "sambay/sambay.h",
            link = "sambay",
            library = "jnisambay"))
public class Sambay implements InfoMapper {
  @Override
  public void map(InfoMap infoMap) {
    infoMap
        .put(new Info("SY_API").cppTypes().annotations())
        .put(new Info("sy_device").pointerTypes("sy_device"))
        .put(new Info("sy_buffer").pointerTypes("sy_buffer"))
        .put(new Info("sy_weight").pointerTypes("sy_weight"))
        .put(new Info("sy_graph").pointerTypes("sy_graph"));
  }
}
