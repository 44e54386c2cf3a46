package io.sambay4j;

import java.util.ArrayList;
import java.util.List;

/**
 * A conversation: messages, and a {@link Session} that has read them. Each turn reads only what is
 * new; taking a turn back goes back to the state before it.
 *
 * <pre>{@code
 * try (Chat chat = model.newChat()) {
 *   System.out.println(chat.send("What is 17+25?").text());
 *   System.out.println(chat.send("What is 5+6?").text());
 * }
 * }</pre>
 */
public final class Chat implements AutoCloseable {
  private final TextModel model;
  private final Session session;
  private final List<ChatMessage> messages;

  Chat(TextModel model, List<ChatMessage> messages) {
    this.model = model;
    this.messages = new ArrayList<>(messages);
    this.session = model.newSession();
  }

  /** What was said, oldest first. */
  public synchronized List<ChatMessage> messages() {
    session.checkOpen();
    return List.copyOf(messages);
  }

  /** Says something and waits for the answer, chosen as the model's defaults say. */
  public Generation send(String userMessage) {
    return send(userMessage, GenerationRequest.user(userMessage).build());
  }

  /**
   * Says something and waits for the answer. Of the request everything counts but its prompt.
   * Errors as of {@link Session#generate}; the conversation is then as it was.
   */
  public Generation send(String userMessage, GenerationRequest settings) {
    model.scheduler().checkMayWait();
    return start(userMessage, settings, new GenerationListener() {}).resultOrCancel();
  }

  /**
   * Says something; the answer is read from the stream. Of the request everything counts but its
   * prompt.
   */
  public TokenStream stream(String userMessage, GenerationRequest settings) {
    return new TokenStream(model.scheduler(), listener -> start(userMessage, settings, listener));
  }

  /**
   * Says something. The message and its answer, also a cancelled one, become part of the
   * conversation when the answer ends; if it fails, neither does.
   */
  public synchronized RunningGeneration start(
      String userMessage, GenerationRequest settings, GenerationListener listener) {
    session.checkIdle();
    List<ChatMessage> next = new ArrayList<>(messages);
    next.add(ChatMessage.user(userMessage));
    GenerationRequest.Prompt prompt = GenerationRequest.messages(next).build().prompt();
    return session.continueFrom(
        model.encode(prompt),
        settings.withPrompt(prompt),
        listener,
        generation -> remember(next, generation));
  }

  /**
   * On the engine's thread, while the session is busy: nobody holds this lock and waits for the
   * engine then.
   */
  private synchronized void remember(List<ChatMessage> said, Generation answer) {
    messages.clear();
    messages.addAll(said);
    messages.add(ChatMessage.assistant(answer.text()));
  }

  /**
   * Takes the last message of the user and its answer back. Nothing happens if there is none.
   *
   * @throws IllegalStateException while an answer is being generated
   */
  public synchronized void takeBack() {
    session.checkIdle();
    for (int i = messages.size() - 1; i >= 0; i--) {
      if (messages.get(i).role().equals("user")) {
        messages.subList(i, messages.size()).clear();
        return;
      }
    }
  }

  /**
   * Forgets everything but the system message.
   *
   * @throws IllegalStateException while an answer is being generated
   */
  public synchronized void clear() {
    session.checkIdle();
    messages.removeIf(message -> !message.role().equals("system"));
  }

  /**
   * Cancels what is being generated and gives the sequence slot back, see {@link Session#close}.
   */
  @Override
  public void close() {
    session.close();
  }
}
