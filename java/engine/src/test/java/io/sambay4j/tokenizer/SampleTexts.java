package io.sambay4j.tokenizer;

import java.util.List;
import java.util.Random;

/** Texts that tokenizers disagree about when one of them is wrong. */
final class SampleTexts {
  static final List<String> ALL =
      List.of(
          "",
          " ",
          "a",
          "Hello, world! It's a test; we'll see, they've GONE, I'D say.",
          "  leading and trailing  ",
          "tabs\tand\nnew\r\nlines\n\n\n  mixed \n \t x",
          "3.14159 1000000 12 345 6789 ½ ² Ⅷ ٣٤٥ 一二三",
          "for (int i = 0; i < 10; i++) { sum += a[i] * b[i]; } // done\n",
          "def f(x):\n    return {'a': [1, 2], \"b\": None}\n",
          "中文分词测试，标点符号。日本語のテキストと한국어 텍스트",
          "Привет, как дела? Ελληνικά עברית العربية हिन्दी ไทย",
          "naïve café Ångström straße ǅ ﬁne e\u0301 a\u0308\u0323",
          "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 😀😀😀",
          "https://example.org/a/b?c=d&e=f#g user@example.org",
          "\u0000\u0001\u007f control \u0085 \u00a0 \u2003 \u2028 \u3000 spaces \ufeff",
          "∑∫√ ≤≥≠ $x^2 + y^2 = z^2$ \\frac{a}{b}",
          "CamelCaseWordsAndABBRs snake_case_words kebab-case 'quoted' \"double\" `code`",
          "<|user|>not a token<|end|> <|endoftext|> <| end |>",
          "don't DON'T Don’t 'S 's 'ſ 'Ll",
          "......!!!!!???? ---- ____ ==== ////\n//\n");

  private static final String[] FRAGMENTS = {
    " ", "  ", "\n", "\r\n", "\t", "the", "The", "THE", "'s", "'LL", "'", "ing", "un", "1", "22",
    "333", "4444", "½", "é", "e\u0301", "ß", "中", "文字", "か", "한", "я", "ж", "ש", "ع", "न", "😀",
    "👍🏽", "\u200d", "\ufe0f", ".", ",", "!", "--", "/", "//\n", "(", ")", "_", "$", "\u00a0",
    "\u3000", "\u0000", "<|", "|>", "ǅ", "ʰ", "\u0301", "Ⅷ", "٣"
  };

  private SampleTexts() {}

  static String random(Random random, int fragments) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(fragments); i >= 0; i--) {
      text.append(FRAGMENTS[random.nextInt(FRAGMENTS.length)]);
    }
    return text.toString();
  }
}
