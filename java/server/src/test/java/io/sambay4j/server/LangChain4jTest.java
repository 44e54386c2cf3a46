package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** LangChain4j's client for OpenAI, as its users call it, against this server. */
@Timeout(300)
final class LangChain4jTest {
  private static final String SUM = "What is 17+25?";
  private static final String SUM_ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42";
  private static final Duration PATIENCE = Duration.ofSeconds(120);

  /** The end tokens of the model in the box; without them an answer fills the context. */
  private static final Map<String, Integer> WITHOUT_END = Map.of("449", -100, "452", -100);

  private static TestServer server;

  @BeforeAll
  static void start() {
    server = new TestServer();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static OpenAiChatModel.OpenAiChatModelBuilder client() {
    return OpenAiChatModel.builder()
        .baseUrl(server.address() + "/v1")
        .apiKey("not needed here")
        .modelName(TestServer.MODEL)
        .maxRetries(0)
        .timeout(PATIENCE);
  }

  private static OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder streamingClient() {
    return OpenAiStreamingChatModel.builder()
        .baseUrl(server.address() + "/v1")
        .apiKey("not needed here")
        .modelName(TestServer.MODEL)
        .timeout(PATIENCE);
  }

  @Test
  void aQuestionIsAnsweredWithItsUsage() {
    ChatResponse response = client().build().chat(UserMessage.from(SUM));
    assertEquals(SUM_ANSWER, response.aiMessage().text());
    assertEquals(FinishReason.STOP, response.finishReason());
    assertTrue(response.tokenUsage().inputTokenCount() > 0);
    assertEquals(
        response.tokenUsage().totalTokenCount(),
        response.tokenUsage().inputTokenCount() + response.tokenUsage().outputTokenCount());
  }

  @Test
  void aTalkWithSystemMessageAndEarlierTurns() {
    List<ChatMessage> messages = new ArrayList<>();
    messages.add(SystemMessage.from("Be brief."));
    messages.add(UserMessage.from(SUM));
    messages.add(client().build().chat(messages).aiMessage());
    messages.add(UserMessage.from("What is 5+6?"));
    assertFalse(client().build().chat(messages).aiMessage().text().isEmpty());
  }

  @Test
  void parametersReachTheModel() {
    ChatRequest request =
        ChatRequest.builder().messages(UserMessage.from(SUM)).maxOutputTokens(4).build();
    ChatResponse response = client().build().chat(request);
    assertEquals(4, response.tokenUsage().outputTokenCount());
    assertEquals(FinishReason.LENGTH, response.finishReason());
    String stopped = client().stop(List.of(". Answer")).build().chat(SUM);
    assertEquals(SUM_ANSWER.substring(0, SUM_ANSWER.indexOf(". Answer")), stopped);
  }

  @Test
  void aStreamGivesTheSameText() throws Exception {
    Collector collector = new Collector();
    streamingClient().build().chat(SUM, collector);
    ChatResponse response = collector.response();
    assertEquals(SUM_ANSWER, response.aiMessage().text());
    assertEquals(SUM_ANSWER, collector.text.toString());
    assertTrue(collector.pieces > 0, "it comes before the whole");
    assertEquals(FinishReason.STOP, response.finishReason());
    assertTrue(response.tokenUsage().outputTokenCount() > 0);
  }

  @Test
  void aCancelledStreamStopsTheServersWork() throws Exception {
    CompletableFuture<Void> cancelled = new CompletableFuture<>();
    StreamingChatResponseHandler handler =
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
            context.streamingHandle().cancel();
            cancelled.complete(null);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            cancelled.completeExceptionally(new AssertionError("answered to the end: " + response));
          }

          @Override
          public void onError(Throwable error) {
            cancelled.completeExceptionally(error);
          }
        };
    streamingClient().logitBias(WITHOUT_END).build().chat(SUM, handler);
    cancelled.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    awaitIdle();
  }

  @Test
  void aClientThatGivesUpWaitingStopsTheServersWork() throws Exception {
    OpenAiChatModel hurried =
        client().logitBias(WITHOUT_END).timeout(Duration.ofMillis(200)).build();
    assertThrows(RuntimeException.class, () -> hurried.chat(SUM));
    awaitIdle();
    assertEquals(SUM_ANSWER, client().build().chat(SUM));
  }

  @Test
  void mistakesHaveTheirOwnExceptions() {
    assertThrows(
        AuthenticationException.class,
        () -> client().baseUrl(server.keyedAddress() + "/v1").build().chat(SUM));
    assertEquals(
        SUM_ANSWER,
        client()
            .baseUrl(server.keyedAddress() + "/v1")
            .apiKey(TestServer.API_KEY)
            .build()
            .chat(SUM));
    assertThrows(
        ModelNotFoundException.class, () -> client().modelName("gpt-none").build().chat(SUM));
    InvalidRequestException invalid =
        assertThrows(
            InvalidRequestException.class, () -> client().temperature(9.0).build().chat(SUM));
    assertTrue(invalid.getMessage().contains("temperature"), invalid.getMessage());
  }

  @Test
  void aMistakeInAStreamReachesTheHandler() throws Exception {
    Collector collector = new Collector();
    streamingClient().temperature(9.0).build().chat(SUM, collector);
    Throwable error = collector.error.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertTrue(error instanceof InvalidRequestException, error.toString());
  }

  @Test
  void anAnswerFollowsItsSchema() throws Exception {
    ResponseFormat format =
        ResponseFormat.builder()
            .type(ResponseFormatType.JSON)
            .jsonSchema(
                JsonSchema.builder()
                    .name("sum")
                    .rootElement(
                        JsonObjectSchema.builder()
                            .addEnumProperty("sign", List.of("plus", "minus"))
                            .addBooleanProperty("sure")
                            .required("sign", "sure")
                            .additionalProperties(false)
                            .build())
                    .build())
            .build();
    ChatRequest request =
        ChatRequest.builder().messages(UserMessage.from(SUM)).responseFormat(format).build();
    String text = client().strictJsonSchema(true).build().chat(request).aiMessage().text();
    JsonNode answer = new ObjectMapper().readTree(text);
    assertTrue(List.of("plus", "minus").contains(answer.get("sign").asText()), text);
    assertTrue(answer.get("sure").isBoolean(), text);
    assertEquals(2, answer.size(), text);
  }

  @Test
  void aRequiredToolIsCalledAndItsResultIsTaken() throws Exception {
    ToolSpecification tool =
        ToolSpecification.builder()
            .name("sign")
            .description("Tells a sum's sign.")
            .parameters(
                JsonObjectSchema.builder()
                    .addEnumProperty("sign", List.of("plus", "minus"))
                    .required("sign")
                    .additionalProperties(false)
                    .build())
            .build();
    UserMessage question = UserMessage.from(SUM);
    ChatRequest request =
        ChatRequest.builder()
            .messages(question)
            .toolSpecifications(tool)
            .toolChoice(ToolChoice.REQUIRED)
            .build();
    AiMessage call = client().build().chat(request).aiMessage();
    assertSign(call);
    Collector collector = new Collector();
    streamingClient().build().chat(request, collector);
    assertSign(collector.response().aiMessage());

    ChatRequest next =
        ChatRequest.builder()
            .messages(
                question,
                call,
                ToolExecutionResultMessage.from(call.toolExecutionRequests().get(0), "plus"))
            .toolSpecifications(tool)
            .toolChoice(ToolChoice.NONE)
            .maxOutputTokens(30)
            .build();
    assertFalse(client().build().chat(next).aiMessage().hasToolExecutionRequests());
  }

  private static void assertSign(AiMessage message) throws Exception {
    ToolExecutionRequest call = message.toolExecutionRequests().get(0);
    assertEquals("sign", call.name());
    String sign = new ObjectMapper().readTree(call.arguments()).get("sign").asText();
    assertTrue(List.of("plus", "minus").contains(sign), call.arguments());
  }

  /** Waits until nothing is generated; what was cancelled must not go on unseen. */
  private static void awaitIdle() throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (server.running() > 0) {
      assertTrue(System.nanoTime() < end, "the server still generates");
      Thread.sleep(20);
    }
  }

  /** Gathers what a stream brings. */
  private static final class Collector implements StreamingChatResponseHandler {
    final StringBuilder text = new StringBuilder();
    final CompletableFuture<Throwable> error = new CompletableFuture<>();
    private final CompletableFuture<ChatResponse> complete = new CompletableFuture<>();
    int pieces;

    ChatResponse response() throws Exception {
      return complete.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    @Override
    public void onPartialResponse(String piece) {
      text.append(piece);
      pieces++;
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      complete.complete(response);
    }

    @Override
    public void onError(Throwable failure) {
      error.complete(failure);
      complete.completeExceptionally(failure);
    }
  }
}
