package io.sambay4j.bench.quantization;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A plot as SVG: lines over a common x axis, or horizontal bars in groups. */
final class Plot {
  /**
   * Numbers that belong together, in one colour.
   *
   * @param x of lines; of bars, the group each belongs to
   * @param y as many as x
   */
  record Series(String name, List<Double> x, List<Double> y) {}

  private static final List<String> COLOURS = // of Okabe and Ito 2008: apart for every eye
      List.of("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9");
  private static final int WIDTH = 720;
  private static final int TOP = 64;
  private static final int RIGHT = 24;
  private static final int BOTTOM = 48;
  private static final int LINES_HEIGHT = 360;
  private static final int BAR = 9;
  private static final int GAP = 10;

  private final StringBuilder svg = new StringBuilder();
  private final String title;
  private final List<Series> series;

  private Plot(String title, List<Series> series) {
    this.title = title;
    this.series = series;
  }

  /** An axis from its least to its largest tick. */
  private record Axis(double least, double most, boolean log, double from, double to) {
    static Axis of(List<Series> series, boolean log, double from, double to) {
      double least = Double.POSITIVE_INFINITY;
      double most = 0;
      for (Series s : series) {
        for (double value : s.y) {
          if (!log || value > 0) {
            least = Math.min(least, value);
            most = Math.max(most, value);
          }
        }
      }
      if (log) {
        return new Axis(
            Math.pow(10, Math.floor(Math.log10(least))),
            Math.pow(10, Math.ceil(Math.log10(most))),
            true,
            from,
            to);
      }
      double step = step(most);
      return new Axis(0, Math.ceil(most / step) * step, false, from, to);
    }

    static double step(double most) {
      double power = Math.pow(10, Math.floor(Math.log10(most)));
      double first = most / power;
      return first > 5 ? power * 2 : first > 2 ? power : power / 2;
    }

    double at(double value) {
      double share =
          log
              ? (Math.log10(Math.max(value, least)) - Math.log10(least))
                  / (Math.log10(most) - Math.log10(least))
              : (value - least) / (most - least);
      return from + share * (to - from);
    }

    List<Double> ticks() {
      List<Double> ticks = new ArrayList<>();
      if (log) {
        for (double tick = least; tick < most * 1.01; tick *= 10) {
          ticks.add(tick);
        }
      } else {
        double step = step(most);
        for (int i = 0; i * step < most * 1.001; i++) {
          ticks.add(i * step);
        }
      }
      return ticks;
    }
  }

  /** Lines; all x of all series lie on one axis from 0 to {@code mostX}. */
  static String lines(
      String title, String xLabel, String yLabel, boolean log, double mostX, List<Series> series) {
    Plot plot = new Plot(title, series);
    int left = 80;
    int height = TOP + LINES_HEIGHT + BOTTOM;
    plot.open(height);
    Axis y = Axis.of(series, log, TOP + LINES_HEIGHT, TOP);
    Axis x = new Axis(0, mostX, false, left, WIDTH - RIGHT);
    for (double tick : y.ticks()) {
      plot.line(left, y.at(tick), WIDTH - RIGHT, y.at(tick), "#dddddd");
      plot.text(left - 8, y.at(tick) + 4, "end", number(tick));
    }
    for (double tick : x.ticks()) {
      plot.line(x.at(tick), TOP + LINES_HEIGHT, x.at(tick), TOP + LINES_HEIGHT + 5, "#444444");
      plot.text(x.at(tick), TOP + LINES_HEIGHT + 20, "middle", number(tick));
    }
    plot.text((left + WIDTH) / 2.0, height - 8, "middle", xLabel);
    plot.legend(left, yLabel);
    for (int s = 0; s < series.size(); s++) {
      StringBuilder points = new StringBuilder();
      for (int i = 0; i < series.get(s).x.size(); i++) {
        points.append(
            String.format(
                Locale.ROOT,
                "%.1f,%.1f ",
                x.at(series.get(s).x.get(i)),
                y.at(series.get(s).y.get(i))));
      }
      plot.svg.append(
          "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>%n"
              .formatted(points.toString().strip(), COLOURS.get(s)));
    }
    return plot.close();
  }

  /** Bars: x of a series is the index of the group a bar is in. */
  static String bars(
      String title, String label, boolean log, List<String> groups, List<Series> series) {
    Plot plot = new Plot(title, series);
    int left = 190;
    int groupHeight = series.size() * BAR + GAP;
    int bottom = TOP + groups.size() * groupHeight;
    plot.open(bottom + BOTTOM);
    Axis x = Axis.of(series, log, left, WIDTH - RIGHT);
    for (double tick : x.ticks()) {
      plot.line(x.at(tick), TOP, x.at(tick), bottom, "#dddddd");
      plot.text(x.at(tick), bottom + 18, "middle", number(tick));
    }
    for (int g = 0; g < groups.size(); g++) {
      double middle = TOP + g * groupHeight + (groupHeight - GAP) / 2.0 + GAP / 2.0;
      plot.text(left - 8, middle + 4, "end", groups.get(g));
    }
    plot.text((left + WIDTH) / 2.0, bottom + BOTTOM - 8, "middle", label);
    plot.legend(left, "");
    for (int s = 0; s < series.size(); s++) {
      for (int i = 0; i < series.get(s).x.size(); i++) {
        double top = TOP + series.get(s).x.get(i) * groupHeight + GAP / 2.0 + s * BAR;
        plot.svg.append(
            String.format(
                Locale.ROOT,
                "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
                left,
                top,
                Math.max(0, x.at(series.get(s).y.get(i)) - left),
                BAR - 1,
                COLOURS.get(s)));
      }
    }
    return plot.close();
  }

  private void open(int height) {
    svg.append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">%n"
            .formatted(WIDTH, height));
    svg.append("<title>%s</title>%n".formatted(escape(title)));
    svg.append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
    svg.append(
        "<text x=\"16\" y=\"22\" font-size=\"15\" font-weight=\"bold\">%s</text>%n"
            .formatted(escape(title)));
  }

  /** What each colour means, in one line above the plot, the axis first. */
  private void legend(int left, String axis) {
    double x = 16;
    if (!axis.isEmpty()) {
      text(x, 46, "start", axis);
      x += 7.0 * axis.length() + 20;
    } else {
      x = left;
    }
    for (int s = 0; s < series.size(); s++) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"%.1f\" y=\"37\" width=\"12\" height=\"10\" fill=\"%s\"/>%n",
              x,
              COLOURS.get(s)));
      text(x + 17, 46, "start", series.get(s).name);
      x += 17 + 7.0 * series.get(s).name.length() + 14;
    }
  }

  private void line(double x1, double y1, double x2, double y2, String colour) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n",
            x1,
            y1,
            x2,
            y2,
            colour));
  }

  private void text(double x, double y, String anchor, String text) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n",
            x,
            y,
            anchor,
            escape(text)));
  }

  private String close() {
    return svg.append("</svg>\n").toString();
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  /** Without zeros at the end, powers of ten below a thousandth as 1e-5. */
  private static String number(double value) {
    if (value != 0 && value < 0.001) {
      return String.format(Locale.ROOT, "%.0e", value).replace("e-0", "e-");
    }
    String text = String.format(Locale.ROOT, "%.3f", value);
    return text.replaceAll("0+$", "").replaceAll("\\.$", "");
  }
}
