package io.sambay4j.examples;

import io.sambay4j.Chat;
import io.sambay4j.Generation;
import io.sambay4j.TextModel;
import java.nio.file.Path;

/**
 * A conversation: each turn reads only what is new, and can be taken back. The model in the box was
 * trained on single questions, so its second answers are poor; the way they are made is that of any
 * model.
 */
public final class ChatExample {
  private ChatExample() {}

  public static void main(String[] args) {
    try (TextModel model = TextModel.open(Path.of(args[0]));
        Chat chat = model.newChat()) {
      System.out.println(chat.send("What is 17+25?").text());

      Generation second = chat.send("What is 5+6?");
      System.out.println(second.text());
      System.out.printf(
          "%d of %d prompt tokens had been read before%n",
          second.usage().cachedTokens(), second.usage().promptTokens());

      chat.takeBack();
      System.out.println(chat.send("What is 81-19?").text());
      chat.messages()
          .forEach(message -> System.out.println(message.role() + ": " + message.content()));
    }
  }
}
