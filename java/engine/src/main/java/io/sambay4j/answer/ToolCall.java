package io.sambay4j.answer;

/**
 * A call of a tool that a model asked for.
 *
 * @param id names the call, so that its result can refer to it; chosen by whoever reads the answer,
 *     may be empty
 * @param name of the tool
 * @param arguments JSON, as text; what a model wrote, so perhaps incomplete or not what the tool's
 *     schema asks for
 */
public record ToolCall(String id, String name, String arguments) {}
