package io.sambay4j.backend;

import static io.sambay4j.backend.NativeDevice.check;
import static io.sambay4j.bindings.global.Native.sy_graph_begin;
import static io.sambay4j.bindings.global.Native.sy_graph_destroy;
import static io.sambay4j.bindings.global.Native.sy_graph_end;
import static io.sambay4j.bindings.global.Native.sy_graph_launch;

import io.sambay4j.bindings.sy_graph;
import java.lang.ref.Cleaner;

/** A graph of a native device. */
final class NativeGraph implements Graph {
  private final Recording recording;
  private final Cleaner.Cleanable cleanable;

  private NativeGraph(Recording recording) {
    this.recording = recording;
    this.cleanable = NativeDevice.afterwards(this, recording::abandoned);
  }

  /** Records what {@code operations} calls on the device, whose monitor is held. */
  static NativeGraph record(NativeDevice device, Runnable operations) {
    Recording recording = new Recording(device);
    check(sy_graph_begin(device.pointer()));
    device.arguments.keepArraysIn(recording.arrays);
    boolean complete = false;
    try {
      operations.run();
      complete = true;
    } finally {
      device.arguments.keepArraysIn(null);
      int status = sy_graph_end(device.pointer(), recording.pointer);
      if (!complete) {
        recording.destroy(); // what failed is on its way up
      } else {
        recording.check(status);
      }
    }
    device.keep(recording);
    return new NativeGraph(recording);
  }

  @Override
  public void launch() {
    synchronized (recording.device) {
      recording.checkOpen();
      recording.arrays.refill();
      check(sy_graph_launch(recording.device.pointer(), recording.pointer));
      recording.arrays.deliver();
    }
  }

  @Override
  public void close() {
    recording.close();
    cleanable.clean();
  }

  private static final class Recording extends NativeDevice.Resource {
    final sy_graph pointer = new sy_graph();
    final GraphArrays arrays = new GraphArrays();

    Recording(NativeDevice device) {
      super(device);
    }

    void check(int status) {
      try {
        NativeDevice.check(status);
      } catch (RuntimeException e) {
        destroy();
        throw e;
      }
    }

    @Override
    String name() {
      return "the graph";
    }

    @Override
    void destroy() {
      sy_graph_destroy(pointer);
      pointer.setNull();
      arrays.close();
    }
  }
}
