package io.sambay4j.cli.load;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** A run as a picture: how long answers took, and what was under way when. */
public final class LoadPlot {
  private static final int POINTS = 200;

  private LoadPlot() {}

  /** The picture, as SVG. */
  public static String of(String title, String subtitle, LoadReport report) {
    return SvgPlot.of(
        title,
        subtitle,
        List.of(
            distribution("Time to first token", report.timeToFirstToken()),
            distribution("Time per output token", report.timePerOutputToken()),
            distribution("End to end", report.total()),
            underWay(report)));
  }

  private static SvgPlot.Panel distribution(String title, Quantiles times) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    double scale = times.at(1) < 1 ? 1000 : 1;
    for (int i = 0; i <= POINTS && times.count() > 0; i++) {
      x.add(scale * times.at((double) i / POINTS));
      y.add(100.0 * i / POINTS);
    }
    return new SvgPlot.Panel(
        title, scale == 1 ? "s" : "ms", "answers, %", List.of(new SvgPlot.Curve(title, x, y)));
  }

  private static SvgPlot.Panel underWay(LoadReport report) {
    List<Answer> answers = report.answers();
    double duration = report.duration();
    List<Double> time = new ArrayList<>();
    List<Double> waiting = new ArrayList<>();
    List<Double> answering = new ArrayList<>();
    for (int i = 0; i <= POINTS; i++) {
      double now = duration * i / POINTS;
      time.add(now);
      waiting.add(count(answers, now, Answer::sent, LoadPlot::firstOrEnd));
      answering.add(count(answers, now, LoadPlot::firstOrEnd, Answer::end));
    }
    return new SvgPlot.Panel(
        "Under way",
        "s",
        "requests",
        List.of(
            new SvgPlot.Curve("before the first token", time, waiting),
            new SvgPlot.Curve("answering", time, answering)));
  }

  private static double firstOrEnd(Answer answer) {
    return Double.isNaN(answer.firstToken()) ? answer.end() : answer.firstToken();
  }

  private static double count(
      List<Answer> answers,
      double now,
      ToDoubleFunction<Answer> from,
      ToDoubleFunction<Answer> to) {
    return answers.stream()
        .filter(answer -> from.applyAsDouble(answer) <= now && now < to.applyAsDouble(answer))
        .count();
  }
}
