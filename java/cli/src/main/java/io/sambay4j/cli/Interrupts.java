package io.sambay4j.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ctrl-C, taken over for as long as something runs that can be stopped. Java has no API for signals
 * but {@code sun.misc.Signal} (module jdk.unsupported); it is reached by reflection so that a VM
 * without it, or one started with {@code -Xrs}, merely keeps Ctrl-C's usual meaning.
 */
final class Interrupts implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Interrupts.class);

  private final Runnable restore;

  private Interrupts(Runnable restore) {
    this.restore = restore;
  }

  /** Runs {@code action}, on a thread of its own, at each Ctrl-C until this is closed. */
  static Interrupts handle(Runnable action) {
    try {
      Class<?> signalClass = Class.forName("sun.misc.Signal");
      Class<?> handlerClass = Class.forName("sun.misc.SignalHandler");
      Object interrupt = signalClass.getConstructor(String.class).newInstance("INT");
      Method handle = signalClass.getMethod("handle", signalClass, handlerClass);
      Object handler =
          Proxy.newProxyInstance(
              Interrupts.class.getClassLoader(),
              new Class<?>[] {handlerClass},
              (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                  action.run();
                  return null;
                }
                return method.invoke(action, arguments); // equals, hashCode, toString
              });
      Object before = handle.invoke(null, interrupt, handler);
      return new Interrupts(
          () -> {
            try {
              handle.invoke(null, interrupt, before);
            } catch (ReflectiveOperationException e) {
              throw new IllegalStateException("cannot give Ctrl-C back", e);
            }
          });
    } catch (InvocationTargetException e) {
      LOG.info("Ctrl-C ends the program at once: {}", String.valueOf(e.getCause()));
    } catch (ReflectiveOperationException e) {
      LOG.info("Ctrl-C ends the program at once: this Java has no sun.misc.Signal");
    }
    return new Interrupts(() -> {});
  }

  /** Ctrl-C means again what it did before. */
  @Override
  public void close() {
    restore.run();
  }
}
