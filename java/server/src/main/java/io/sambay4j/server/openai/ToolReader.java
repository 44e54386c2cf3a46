package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.answer.Tool;
import io.sambay4j.answer.ToolCall;
import io.sambay4j.answer.ToolChoice;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import java.util.ArrayList;
import java.util.List;

/** Reads tools, the choice among them, and calls that were made before. */
final class ToolReader {
  private static final int MAX_TOOLS = 128;
  private static final int MAX_CALLS = 1024;
  private static final int MAX_DESCRIPTION = 65_536;

  private ToolReader() {}

  /** Where the fields of a function stand. */
  enum Form {
    /** In an object {@code function}, as chat completions have them. */
    NESTED,
    /** Beside the type, as responses have them. */
    FLAT
  }

  /** The tools of a request. */
  static List<Tool> tools(Fields fields, Form form) {
    List<Tool> tools = new ArrayList<>();
    for (Fields tool : fields.objects("tools", MAX_TOOLS)) {
      tools.add(tool(function(tool, form)));
      tool.finish();
    }
    return tools;
  }

  /** The fields of a function, in an object whose type says that it is one. */
  private static Fields function(Fields object, Form form) {
    object.requiredString("type");
    object.oneOf("type", "", "function");
    return form == Form.FLAT ? object : object.requiredObject("function");
  }

  private static Tool tool(Fields function) {
    String name = function.requiredString("name");
    String description = function.string("description", MAX_DESCRIPTION);
    function.optionalBool("strict"); // arguments always keep to the schema
    JsonNode parameters = function.node("parameters");
    if (parameters != null && !parameters.isObject()) {
      throw function.wrongType("parameters", parameters, "an object");
    }
    function.finish();
    try {
      return new Tool(
          name, description, parameters == null ? Tool.NO_PARAMETERS : parameters.toString());
    } catch (IllegalArgumentException e) {
      throw ApiException.field(
          function.path("name"), "invalid_value", String.valueOf(e.getMessage()));
    }
  }

  /** Whether tools are to be called. */
  static ToolChoice choice(Fields fields, List<Tool> tools, Form form) {
    JsonNode choice = fields.node("tool_choice");
    if (choice == null) {
      return tools.isEmpty() ? ToolChoice.NONE : ToolChoice.AUTO;
    }
    ToolChoice read =
        choice.isObject() ? named(fields.requiredObject("tool_choice"), form) : word(fields);
    boolean wantsTools =
        read.mode() == ToolChoice.Mode.REQUIRED || read.mode() == ToolChoice.Mode.FUNCTION;
    if (wantsTools && tools.isEmpty()) {
      throw ApiException.field(
          "tool_choice", "invalid_value", "tool_choice asks for a call, but there are no tools");
    }
    if (read.name() != null && tools.stream().noneMatch(t -> t.name().equals(read.name()))) {
      throw ApiException.field(
          "tool_choice", "invalid_value", "tool_choice names a tool that is not among the tools");
    }
    return read;
  }

  private static ToolChoice word(Fields fields) {
    return switch (fields.oneOf("tool_choice", "", "none", "auto", "required")) {
      case "none" -> ToolChoice.NONE;
      case "required" -> ToolChoice.REQUIRED;
      default -> ToolChoice.AUTO;
    };
  }

  private static ToolChoice named(Fields choice, Form form) {
    Fields function = function(choice, form);
    String name = function.requiredString("name");
    function.finish();
    choice.finish();
    return ToolChoice.function(name);
  }

  /** Calls that an assistant's message tells of. */
  static List<ToolCall> calls(Fields message) {
    List<ToolCall> calls = new ArrayList<>();
    for (Fields call : message.objects("tool_calls", MAX_CALLS)) {
      String id = call.requiredString("id");
      call.oneOf("type", "function", "function");
      Fields function = call.requiredObject("function");
      calls.add(
          new ToolCall(id, function.requiredString("name"), function.requiredString("arguments")));
      function.finish();
      call.ignore("index");
      call.finish();
    }
    return calls;
  }
}
