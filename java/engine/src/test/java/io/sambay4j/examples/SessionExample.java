package io.sambay4j.examples;

import io.sambay4j.GenerationRequest;
import io.sambay4j.Session;
import io.sambay4j.TextModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A sequence's state as a value: kept, forked, taken back, written to a file. */
public final class SessionExample {
  private SessionExample() {}

  public static void main(String[] args) throws IOException {
    Path file = Files.createTempFile("session", ".safetensors");
    try (TextModel model = TextModel.open(Path.of(args[0]));
        Session session = model.newSession()) {
      session.generate(GenerationRequest.user("What is 17+25?").maxTokens(0).build()); // only reads
      int here = session.position();

      // Two continuations of one past, which was read once.
      GenerationRequest onwards = GenerationRequest.text("17+25: ").maxTokens(60).build();
      GenerationRequest further = GenerationRequest.text("17+25: 7+5=12,").maxTokens(60).build();
      try (Session fork = session.fork()) {
        System.out.println("session: " + session.generate(onwards).text());
        System.out.println("fork:    " + fork.generate(further).text());
      }

      // Back to where it was, and on in another way.
      session.rewind(here);
      System.out.println("rewound: " + session.generate(further).text());

      // To a file, and on from there: now, or after a restart.
      session.rewind(here);
      session.save(file);
      try (Session loaded = model.loadSession(file)) {
        System.out.println("loaded:  " + loaded.generate(onwards).text());
      }
    } finally {
      Files.delete(file);
    }
  }
}
