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
    return List.copyOf(messages);
  }

  /** Says something and waits for the answer, chosen as the model's defaults say. */
  public Generation send(String userMessage) {
    return send(userMessage, GenerationRequest.user(userMessage).build());
  }

  /** Says something and waits for the answer. Of the request everything counts but its prompt. */
  public Generation send(String userMessage, GenerationRequest settings) {
    return start(userMessage, settings, new GenerationListener() {}).result();
  }

  /**
   * Says something; the answer is read from the stream. Of the request everything counts but its
   * prompt.
   */
  public TokenStream stream(String userMessage, GenerationRequest settings) {
    return new TokenStream(listener -> start(userMessage, settings, listener));
  }

  /**
   * Says something. The message and its answer, also a cancelled one, become part of the
   * conversation when the answer ends; if it fails, neither does.
   */
  public synchronized RunningGeneration start(
      String userMessage, GenerationRequest settings, GenerationListener listener) {
    List<ChatMessage> next = new ArrayList<>(messages);
    next.add(ChatMessage.user(userMessage));
    GenerationRequest.Prompt.Chat prompt =
        (GenerationRequest.Prompt.Chat) GenerationRequest.messages(next).build().prompt();
    return session.continueFrom(
        model.encode(prompt), settings.withPrompt(prompt), new Remember(next, listener));
  }

  private final class Remember implements GenerationListener {
    private final List<ChatMessage> next;
    private final GenerationListener listener;

    Remember(List<ChatMessage> next, GenerationListener listener) {
      this.next = next;
      this.listener = listener;
    }

    @Override
    public void onPrompt(int done, int total) {
      listener.onPrompt(done, total);
    }

    @Override
    public void onToken(GeneratedToken token) {
      listener.onToken(token);
    }

    @Override
    public void onComplete(Generation generation) {
      synchronized (Chat.this) {
        messages.clear();
        messages.addAll(next);
        messages.add(ChatMessage.assistant(generation.text()));
      }
      listener.onComplete(generation);
    }

    @Override
    public void onError(Throwable failure) {
      listener.onError(failure);
    }
  }

  /** Takes the last message of the user and its answer back. Nothing happens if there is none. */
  public synchronized void takeBack() {
    for (int i = messages.size() - 1; i >= 0; i--) {
      if (messages.get(i).role().equals("user")) {
        messages.subList(i, messages.size()).clear();
        return;
      }
    }
  }

  /** Forgets everything but the system message. */
  public synchronized void clear() {
    messages.removeIf(message -> !message.role().equals("system"));
  }

  @Override
  public void close() {
    session.close();
  }
}
