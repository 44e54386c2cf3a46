package io.sambay4j.runtime;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** A request, written when it ends, for the JDK's flight recorder. */
@Name("io.sambay4j.Request")
@Label("Request")
@Description("A prompt and its answer, from submission to the end")
@Category("sambay4j")
@StackTrace(false)
final class RequestEvent extends Event {
  @Label("Waiting")
  @Description("From submission to a place among those that run")
  @Timespan(Timespan.NANOSECONDS)
  long waiting;

  @Label("Prompt time")
  @Timespan(Timespan.NANOSECONDS)
  long promptTime;

  @Label("Generation time")
  @Timespan(Timespan.NANOSECONDS)
  long generationTime;

  @Label("Prompt tokens")
  int promptTokens;

  @Label("Cached tokens")
  @Description("Prompt tokens that did not have to be read")
  int cachedTokens;

  @Label("Generated tokens")
  int generatedTokens;

  @Label("Finish reason")
  String finishReason = "";
}
