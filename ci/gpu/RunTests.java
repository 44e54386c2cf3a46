import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the test classes that are named and prints a table: a machine with a card needs neither Maven nor a network.
 * Exit code 1 if a test failed, or if none ran.
 */
final class RunTests {
  private static final class Counts {
    int passed, failed, skipped;
    long nanos;
  }

  public static void main(String[] classes) throws ClassNotFoundException {
    Map<String, Counts> table = new TreeMap<>();
    Map<String, Integer> reasons = new TreeMap<>();
    Map<String, Long> started = new TreeMap<>();
    List<DiscoverySelector> selectors = new ArrayList<>();
    for (String name : classes) {
      selectors.add(selectClass(Class.forName(name)));
    }
    TestExecutionListener listener =
        new TestExecutionListener() {
          @Override
          public void executionStarted(TestIdentifier test) {
            started.put(test.getUniqueId(), System.nanoTime());
          }

          @Override
          public void executionSkipped(TestIdentifier test, String reason) {
            counts(test).skipped++;
            reasons.merge(reason, 1, Integer::sum);
          }

          @Override
          public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            boolean failed = result.getStatus() == TestExecutionResult.Status.FAILED;
            if (!test.isTest() && !failed && result.getThrowable().isEmpty()) {
              return;
            }
            Counts counts = counts(test);
            counts.nanos += System.nanoTime() - started.get(test.getUniqueId());
            switch (result.getStatus()) {
              case SUCCESSFUL -> counts.passed++;
              case FAILED -> {
                counts.failed++;
                System.out.println("FAILED " + name(test) + " " + test.getDisplayName());
                result.getThrowable().ifPresent(failure -> failure.printStackTrace(System.out));
              }
              case ABORTED -> {
                counts.skipped++;
                reasons.merge(String.valueOf(result.getThrowable().map(Throwable::getMessage).orElse("")), 1, Integer::sum);
              }
            }
          }

          private Counts counts(TestIdentifier test) {
            return table.computeIfAbsent(name(test), name -> new Counts());
          }
        };
    LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request().selectors(selectors).build();
    LauncherFactory.create().execute(request, listener);

    int passed = 0;
    int failed = 0;
    System.out.printf("%-56s %7s %7s %7s %9s%n", "", "passed", "failed", "skipped", "seconds");
    for (Map.Entry<String, Counts> row : table.entrySet()) {
      Counts c = row.getValue();
      System.out.printf(
          Locale.ROOT, "%-56s %7d %7d %7d %9.1f%n", row.getKey(), c.passed, c.failed, c.skipped, c.nanos / 1e9);
      passed += c.passed;
      failed += c.failed;
    }
    reasons.forEach((reason, count) -> System.out.printf("skipped %d: %s%n", count, reason));
    System.exit(failed > 0 || passed == 0 ? 1 : 0);
  }

  /** The class a test is in. */
  private static String name(TestIdentifier test) {
    return test.getSource()
        .map(
            source ->
                source instanceof MethodSource method
                    ? method.getClassName()
                    : source instanceof ClassSource type ? type.getClassName() : source.toString())
        .orElse(test.getDisplayName());
  }
}
