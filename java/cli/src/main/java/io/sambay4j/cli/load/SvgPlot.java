package io.sambay4j.cli.load;

import java.util.List;
import java.util.Locale;

/** Panels of curves with axes, as an SVG image that needs nothing else. */
public final class SvgPlot {
  private static final int WIDTH = 460;
  private static final int HEIGHT = 280;
  private static final int LEFT = 62;
  private static final int RIGHT = 16;
  private static final int TOP = 48;
  private static final int BOTTOM = 44;
  private static final int HEADER = 64;
  private static final int TICKS = 5;
  private static final List<String> COLOURS = List.of("#2563eb", "#d97706", "#059669");

  /**
   * A curve.
   *
   * @param name in the legend
   * @param x ascending
   * @param y as many
   */
  public record Curve(String name, List<Double> x, List<Double> y) {
    /** Copies the points. */
    public Curve {
      x = List.copyOf(x);
      y = List.copyOf(y);
      if (x.size() != y.size()) {
        throw new IllegalArgumentException(
            "a curve of %d x and %d y values".formatted(x.size(), y.size()));
      }
    }
  }

  /** Curves over common axes, which begin at zero. */
  public record Panel(String title, String xLabel, String yLabel, List<Curve> curves) {
    /** Copies the list. */
    public Panel {
      curves = List.copyOf(curves);
    }

    private double xMax() {
      return max(curves.stream().flatMap(curve -> curve.x.stream()).toList());
    }

    private double yMax() {
      return max(curves.stream().flatMap(curve -> curve.y.stream()).toList());
    }

    private static double max(List<Double> values) {
      double max = values.stream().mapToDouble(Double::doubleValue).max().orElse(1);
      return max > 0 ? max : 1;
    }
  }

  private final StringBuilder svg = new StringBuilder();

  private SvgPlot() {}

  /** The image: a title, a line below it, and panels two in a row. */
  public static String of(String title, String subtitle, List<Panel> panels) {
    SvgPlot plot = new SvgPlot();
    int width = 2 * WIDTH;
    int height = HEADER + (panels.size() + 1) / 2 * HEIGHT;
    plot.line(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">",
        width, height, width, height);
    plot.line("<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>", width, height);
    plot.text(16, 26, "start", "font-size=\"17\" font-weight=\"bold\" fill=\"#111827\"", title);
    plot.text(16, 46, "start", "fill=\"#4b5563\"", subtitle);
    for (int i = 0; i < panels.size(); i++) {
      plot.line("<g transform=\"translate(%d %d)\">", i % 2 * WIDTH, HEADER + i / 2 * HEIGHT);
      plot.panel(panels.get(i));
      plot.line("</g>");
    }
    plot.line("</svg>");
    return plot.svg.toString();
  }

  private void panel(Panel panel) {
    double xStep = step(panel.xMax());
    double yStep = step(panel.yMax());
    double xEnd = Math.ceil(panel.xMax() / xStep - 1e-9) * xStep;
    double yEnd = Math.ceil(panel.yMax() / yStep - 1e-9) * yStep;
    int bottom = HEIGHT - BOTTOM;
    text(LEFT, 14, "start", "font-size=\"13\" font-weight=\"bold\" fill=\"#111827\"", panel.title);
    for (int i = 0; i * xStep <= xEnd * (1 + 1e-9); i++) {
      double x = x(i * xStep, xEnd);
      grid(x, TOP, x, bottom);
      text(x, bottom + 15, "middle", "fill=\"#4b5563\"", number(i * xStep, xStep));
    }
    for (int i = 0; i * yStep <= yEnd * (1 + 1e-9); i++) {
      double y = y(i * yStep, yEnd);
      grid(LEFT, y, WIDTH - RIGHT, y);
      text(LEFT - 6, y + 4, "end", "fill=\"#4b5563\"", number(i * yStep, yStep));
    }
    text((LEFT + WIDTH - RIGHT) / 2.0, bottom + 32, "middle", "fill=\"#374151\"", panel.xLabel);
    line(
        "<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\" fill=\"#374151\">%s</text>",
        (TOP + bottom) / 2.0, escape(panel.yLabel));
    double legend = LEFT;
    for (int i = 0; i < panel.curves.size(); i++) {
      Curve curve = panel.curves.get(i);
      String colour = COLOURS.get(i % COLOURS.size());
      curve(curve, colour, xEnd, yEnd);
      if (panel.curves.size() > 1) {
        line("<rect x=\"%.1f\" y=\"30\" width=\"14\" height=\"3\" fill=\"%s\"/>", legend, colour);
        text(legend + 18, 35, "start", "fill=\"#374151\"", curve.name);
        legend += 40 + 6.5 * curve.name.length();
      }
    }
  }

  private void curve(Curve curve, String colour, double xEnd, double yEnd) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < curve.x.size(); i++) {
      points.append(
          String.format(
              Locale.ROOT, "%.1f,%.1f ", x(curve.x.get(i), xEnd), y(curve.y.get(i), yEnd)));
    }
    line(
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" points=\"%s\"/>",
        colour, points.toString().strip());
  }

  private static double x(double value, double end) {
    return LEFT + value / end * (WIDTH - LEFT - RIGHT);
  }

  private static double y(double value, double end) {
    return HEIGHT - BOTTOM - value / end * (HEIGHT - TOP - BOTTOM);
  }

  /** 1, 2 or 5 times a power of ten, so that there are about {@link #TICKS} of them. */
  private static double step(double max) {
    double raw = max / TICKS;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double digit = raw / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
  }

  private static String number(double value, double step) {
    int digits = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return String.format(Locale.ROOT, "%." + Math.min(digits, 9) + "f", value);
  }

  private void grid(double x1, double y1, double x2, double y2) {
    line(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e5e7eb\"/>",
        x1, y1, x2, y2);
  }

  private void text(double x, double y, String anchor, String style, String text) {
    line(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>",
        x, y, anchor, style, escape(text));
  }

  private void line(String format, Object... args) {
    svg.append(args.length == 0 ? format : String.format(Locale.ROOT, format, args)).append('\n');
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
