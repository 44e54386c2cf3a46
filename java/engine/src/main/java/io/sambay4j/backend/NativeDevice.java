package io.sambay4j.backend;

import static io.sambay4j.bindings.global.Native.SY_ERR_ARGUMENT;
import static io.sambay4j.bindings.global.Native.SY_ERR_DTYPE;
import static io.sambay4j.bindings.global.Native.SY_ERR_OUT_OF_MEMORY;
import static io.sambay4j.bindings.global.Native.SY_ERR_SHAPE;
import static io.sambay4j.bindings.global.Native.SY_OK;
import static io.sambay4j.bindings.global.Native.sy_buffer_borrow;
import static io.sambay4j.bindings.global.Native.sy_buffer_create;
import static io.sambay4j.bindings.global.Native.sy_buffer_data;
import static io.sambay4j.bindings.global.Native.sy_buffer_destroy;
import static io.sambay4j.bindings.global.Native.sy_device_create;
import static io.sambay4j.bindings.global.Native.sy_device_description;
import static io.sambay4j.bindings.global.Native.sy_device_destroy;
import static io.sambay4j.bindings.global.Native.sy_last_error;
import static io.sambay4j.bindings.global.Native.sy_weight_bytes;
import static io.sambay4j.bindings.global.Native.sy_weight_create;
import static io.sambay4j.bindings.global.Native.sy_weight_destroy;

import io.sambay4j.NativeException;
import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.bindings.sy_buffer;
import io.sambay4j.bindings.sy_device;
import io.sambay4j.bindings.sy_weight;
import java.lang.ref.Cleaner;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A native device and everything made on it. It is apart from {@link NativeBackend} so that it can
 * be freed when a backend, a storage or a weight is garbage collected without having been closed.
 *
 * <p>Its monitor guards all of it: whoever calls native code holds it, so nothing is freed during a
 * call, and closing waits for the call to end.
 */
final class NativeDevice {
  private static final Logger LOG = LoggerFactory.getLogger(NativeDevice.class);
  private static final Cleaner CLEANER = Cleaner.create();

  private final sy_device pointer = new sy_device();
  final NativeArguments arguments;
  private final String description;
  private final Set<Resource> resources = new LinkedHashSet<>();
  private boolean closed;
  private final boolean isCard;

  NativeDevice(String kind, @Nullable String target, int threads) {
    check(sy_device_create(kind, target, threads, pointer));
    isCard = kind.equals("cuda");
    description = sy_device_description(pointer).getString(StandardCharsets.UTF_8);
    arguments = new NativeArguments();
  }

  String description() {
    return description;
  }

  /** Whether it works beside the processor, with memory of its own. */
  boolean isCard() {
    return isCard;
  }

  /** For the length of a call, with this monitor held. */
  sy_device pointer() {
    if (closed) {
      throw new IllegalStateException("the backend is closed");
    }
    return pointer;
  }

  /** The first line of every call: the device is open, the argument structs are free again. */
  NativeArguments begin() {
    pointer();
    arguments.reset();
    return arguments;
  }

  /** Runs {@code action} once {@code owner} has been garbage collected, or when told to clean. */
  static Cleaner.Cleanable afterwards(Object owner, Runnable action) {
    return CLEANER.register(owner, action);
  }

  synchronized Buffer buffer(long bytes) {
    Buffer buffer = new Buffer(this);
    check(sy_buffer_create(pointer(), bytes, buffer.pointer));
    buffer.bytes = bytes;
    buffer.address = sy_buffer_data(buffer.pointer).address();
    resources.add(buffer);
    return buffer;
  }

  /** A buffer over somebody else's memory at {@code address}, which {@code owner} keeps alive. */
  synchronized Buffer borrow(Pointer owner, long address, long bytes) {
    Buffer buffer = new Buffer(this);
    try (Pointer data = new Address(address)) {
      check(sy_buffer_borrow(pointer(), data, bytes, buffer.pointer));
    }
    buffer.bytes = bytes;
    buffer.address = address;
    buffer.owner = owner;
    resources.add(buffer);
    return buffer;
  }

  /** An address as JavaCPP hands it over. */
  static final class Address extends Pointer {
    Address(long address) {
      this.address = address;
    }
  }

  synchronized PackedWeight weight(int rows, int cols, DType storage) {
    PackedWeight weight = new PackedWeight(this);
    check(
        sy_weight_create(
            pointer(), rows, cols, NativeArguments.nativeDtype(storage), weight.pointer));
    weight.bytes = sy_weight_bytes(weight.pointer);
    resources.add(weight);
    return weight;
  }

  /** Sees to it that the resource is freed before the device. */
  synchronized void keep(Resource resource) {
    resources.add(resource);
  }

  /** Frees what is still there of buffers, weights and graphs, then the device. */
  synchronized void close() {
    if (closed) {
      return;
    }
    if (!resources.isEmpty()) {
      LOG.debug(
          "{} buffers, weights and graphs were open when their backend closed", resources.size());
      List.copyOf(resources).forEach(Resource::close);
    }
    closed = true;
    sy_device_destroy(pointer);
    pointer.setNull();
    arguments.close();
  }

  /** The backend was garbage collected without {@link NativeBackend#close}. */
  synchronized void abandoned() {
    if (!closed) {
      LOG.debug("a backend was never closed: {}", description);
      close();
    }
  }

  /** The one place where a status becomes an exception. */
  static void check(int status) {
    if (status == SY_OK) {
      return;
    }
    String message = sy_last_error().getString(StandardCharsets.UTF_8);
    throw switch (status) {
      case SY_ERR_ARGUMENT, SY_ERR_SHAPE, SY_ERR_DTYPE -> new IllegalArgumentException(message);
      case SY_ERR_OUT_OF_MEMORY -> new OutOfDeviceMemoryException(status, message);
      default -> new NativeException(status, message);
    };
  }

  /** Native memory on this device. */
  abstract static class Resource {
    final NativeDevice device;
    long bytes;
    private boolean closed;

    Resource(NativeDevice device) {
      this.device = device;
    }

    /** Frees it, once. */
    final void close() {
      synchronized (device) {
        if (!closed) {
          closed = true;
          device.resources.remove(this);
          destroy();
        }
      }
    }

    /** The owner was garbage collected without having been closed. */
    final void abandoned() {
      synchronized (device) {
        if (!closed) {
          LOG.debug("{} was never closed, {} bytes", name(), bytes);
          close();
        }
      }
    }

    final void checkOpen() {
      device.pointer();
      if (closed) {
        throw new IllegalStateException(name() + " is closed");
      }
    }

    abstract String name();

    abstract void destroy();
  }

  static final class Buffer extends Resource {
    final sy_buffer pointer = new sy_buffer();
    long address;
    @Nullable Pointer owner; // of borrowed memory, kept from the garbage collector

    Buffer(NativeDevice device) {
      super(device);
    }

    @Override
    String name() {
      return "the storage of this tensor";
    }

    @Override
    void destroy() {
      sy_buffer_destroy(pointer);
      pointer.setNull();
      owner = null;
    }
  }

  static final class PackedWeight extends Resource {
    final sy_weight pointer = new sy_weight();

    PackedWeight(NativeDevice device) {
      super(device);
    }

    @Override
    String name() {
      return "the weight";
    }

    @Override
    void destroy() {
      sy_weight_destroy(pointer);
      pointer.setNull();
    }
  }
}
