package io.sambay4j.cli;

import io.sambay4j.NativeException;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DeviceMemory;
import io.sambay4j.backend.NativeBackend;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What there is to compute on here, and why not on the rest. */
final class Devices {
  private Devices() {}

  /**
   * One device.
   *
   * @param name as for {@code --device}
   * @param description of the device, or why it cannot be used
   * @param memory of a card
   */
  record Device(
      String name, boolean available, String description, @Nullable DeviceMemory memory) {}

  /** The CPU, the first card and the reference. */
  static List<Device> all() {
    List<Device> all = new ArrayList<>();
    for (String name : List.of("cpu", "cuda", "reference")) {
      try (Backend backend = Backends.open(name, null, 0)) {
        boolean card = name.equals("cuda");
        DeviceMemory memory = card ? ((NativeBackend) backend).memory() : null;
        all.add(new Device(name, true, backend.description(), memory));
      } catch (UnsupportedOperationException | NativeException e) {
        String prefix = "device " + name + ": ";
        String reason = String.valueOf(e.getMessage());
        all.add(
            new Device(
                name,
                false,
                reason.startsWith(prefix) ? reason.substring(prefix.length()) : reason,
                null));
      }
    }
    return all;
  }
}
