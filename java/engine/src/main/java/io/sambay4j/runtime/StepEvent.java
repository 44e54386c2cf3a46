package io.sambay4j.runtime;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A step of the engine, for the JDK's flight recorder. */
@Name("io.sambay4j.Step")
@Label("Engine step")
@Description("One pass of the next tokens of some sequences through the model")
@Category("sambay4j")
@StackTrace(false)
final class StepEvent extends Event {
  @Label("Rows")
  int rows;

  @Label("Decode rows")
  @Description("Rows of sequences that take their next token")
  int decodeRows;

  @Label("Prompt rows")
  int promptRows;

  @Label("Sequences")
  int sequences;
}
