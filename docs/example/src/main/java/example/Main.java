package example;

import io.sambay4j.Chat;
import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import io.sambay4j.TokenStream;
import java.nio.file.Path;

/** Answers the questions given as arguments after the model's directory. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    if (args.length < 2) {
      System.err.println("usage: Main MODEL-DIRECTORY QUESTION...");
      System.exit(2);
    }
    try (TextModel model = TextModel.open(Path.of(args[0]))) {
      System.err.println(model.device() + ", context " + model.contextLimit());
      for (int i = 1; i < args.length; i++) {
        try (Chat chat = model.newChat();
            TokenStream answer =
                chat.stream(args[i], GenerationRequest.user(args[i]).maxTokens(200).build())) {
          answer.text().forEach(System.out::print);
          System.out.println();
        }
      }
    }
  }
}
