package io.sambay4j.structured;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is looked for by another thread, or by who needs it. */
@Timeout(60)
final class FoundTest {
  @Test
  void whoNeedsItFirstFindsItHimself() throws Exception {
    CountDownLatch gate = new CountDownLatch(1);
    List<Found<Integer>> busy = new ArrayList<>(); // more than there are threads
    CountDownLatch begun = new CountDownLatch(1);
    for (int i = 0; i < 8; i++) {
      int value = i;
      busy.add(
          Found.begin(
              () -> {
                begun.countDown();
                gate.await();
                return value;
              }));
    }
    begun.await();
    Found<Thread> mine = Found.begin(Thread::currentThread);
    assertSame(Thread.currentThread(), mine.get());
    gate.countDown();
    for (int i = 0; i < busy.size(); i++) {
      assertEquals(i, busy.get(i).get());
    }
  }

  @Test
  void anotherThreadFindsItOnce() throws Exception {
    AtomicInteger searches = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(1);
    Found<Thread> found =
        Found.begin(
            () -> {
              searches.incrementAndGet();
              done.countDown();
              return Thread.currentThread();
            });
    done.await();
    assertNotSame(Thread.currentThread(), found.get());
    assertSame(found.get(), found.get());
    assertEquals(1, searches.get());
    assertEquals(7, Found.known(7).get());
  }

  @Test
  void whatTheSearchThrowsIsThrown() {
    Found<Integer> found =
        Found.begin(
            () -> {
              throw new GrammarException("no such place");
            });
    GrammarException e = assertThrows(GrammarException.class, found::get);
    assertEquals("no such place", e.getMessage());
  }

  @Test
  void anInterruptIsKeptForLater() {
    Thread.currentThread().interrupt();
    assertEquals(3, Found.begin(() -> 3).get());
    assertTrue(Thread.interrupted());
  }
}
