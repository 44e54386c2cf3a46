package io.sambay4j.server.openai;

import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.server.http.ApiException;

/**
 * Where the answers to one request go. Called in order, on the engine's thread: what takes time is
 * to be done elsewhere.
 */
interface AnswerSink {
  /** The generations have been accepted; called before anything else is. */
  void accepted();

  /** The next token of an answer. */
  void token(int index, GeneratedToken token);

  /** The end of an answer. */
  void ended(int index, Generation generation, AnswerTimes times);

  /** All answers have ended. */
  void complete();

  /** There will be no answer, or no end to it. */
  void failed(ApiException failure);
}
