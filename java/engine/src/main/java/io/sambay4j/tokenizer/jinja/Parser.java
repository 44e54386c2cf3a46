package io.sambay4j.tokenizer.jinja;

import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.jinja.Statement.Branch;
import io.sambay4j.tokenizer.jinja.Statement.Flow;
import io.sambay4j.tokenizer.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Builds the statements of a template; {@link ExpressionParser} builds what stands in them. */
final class Parser {
  private static final int MAX_NESTING = 32;

  private final TokenReader tokens;
  private final ExpressionParser expressions;
  private int nesting;
  private int loops;

  private Parser(String where, String source) {
    tokens = new TokenReader(where, Lexer.tokenize(where, source));
    expressions = new ExpressionParser(tokens);
  }

  static List<Statement> parse(String where, String source) {
    return new Parser(where, source).body(Set.of());
  }

  /**
   * Reads statements up to a block that begins with one of the names, and that name; without names,
   * all.
   */
  private List<Statement> body(Set<String> ends) {
    if (++nesting > MAX_NESTING) {
      throw tokens.error("more than " + MAX_NESTING + " nested blocks");
    }
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = tokens.next();
      switch (token.kind()) {
        case DATA -> statements.add(new Statement.Data(token.line(), Text.trusted(token.text())));
        case OUTPUT_BEGIN -> {
          statements.add(new Statement.Output(token.line(), expressions.parse()));
          tokens.expect(Kind.OUTPUT_END);
        }
        case BLOCK_BEGIN -> {
          Token name = tokens.expect(Kind.NAME);
          if (ends.contains(name.text())) {
            nesting--;
            return statements;
          }
          block(name, statements);
        }
        default -> {
          if (!ends.isEmpty()) {
            throw tokens.error("the template ends where one of " + ends + " is expected");
          }
          nesting--;
          return statements;
        }
      }
    }
  }

  private void block(Token name, List<Statement> out) {
    int line = name.line();
    switch (name.text()) {
      case "if" -> out.add(ifBlock(line));
      case "for" -> out.add(forBlock(line));
      case "set" -> out.add(setBlock(line));
      case "macro" -> out.add(macroBlock(line));
      case "break", "continue" -> {
        if (loops == 0) {
          throw tokens.error("{% " + name.text() + " %} outside a loop");
        }
        tokens.expect(Kind.BLOCK_END);
        out.add(new Statement.Jump(line, name.text().equals("break") ? Flow.BREAK : Flow.CONTINUE));
      }
      case "generation" -> {
        // Marks what a model is trained on; it writes nothing of its own.
        tokens.expect(Kind.BLOCK_END);
        out.addAll(body(Set.of("endgeneration")));
        tokens.expect(Kind.BLOCK_END);
      }
      default -> throw tokens.error("the block {% " + name.shown() + " %} is not supported");
    }
  }

  private Statement ifBlock(int line) {
    List<Branch> branches = new ArrayList<>();
    String end = "elif";
    while (!end.equals("endif")) {
      Expression condition = end.equals("elif") ? expressions.parse() : null;
      tokens.expect(Kind.BLOCK_END);
      List<Statement> body =
          body(condition == null ? Set.of("endif") : Set.of("elif", "else", "endif"));
      branches.add(new Branch(condition, body));
      end = tokens.last().text();
    }
    tokens.expect(Kind.BLOCK_END);
    return new Statement.If(line, branches);
  }

  private Statement forBlock(int line) {
    List<String> targets = targets();
    tokens.expectName("in");
    Expression elements = expressions.parseWithoutCondition();
    Expression condition = tokens.takeName("if") ? expressions.parse() : null;
    tokens.expect(Kind.BLOCK_END);
    loops++;
    List<Statement> body = body(Set.of("else", "endfor"));
    loops--;
    List<Statement> otherwise = List.of();
    if (tokens.last().text().equals("else")) {
      tokens.expect(Kind.BLOCK_END);
      otherwise = body(Set.of("endfor"));
    }
    tokens.expect(Kind.BLOCK_END);
    return new Statement.For(line, targets, elements, condition, body, otherwise);
  }

  private List<String> targets() {
    boolean parenthesised = tokens.takeOperator("(");
    List<String> targets = new ArrayList<>();
    do {
      targets.add(tokens.expect(Kind.NAME).text());
    } while (tokens.takeOperator(","));
    if (parenthesised) {
      tokens.expectOperator(")");
    }
    return targets;
  }

  private Statement setBlock(int line) {
    List<String> targets = targets();
    String first = targets.get(0);
    if (targets.size() == 1 && tokens.takeOperator(".")) {
      String attribute = tokens.expect(Kind.NAME).text();
      tokens.expectOperator("=");
      Expression value = expressions.parseTuple();
      tokens.expect(Kind.BLOCK_END);
      return new Statement.AssignAttribute(line, first, attribute, value);
    }
    if (targets.size() == 1 && tokens.peek().kind() == Kind.BLOCK_END) {
      tokens.expect(Kind.BLOCK_END);
      int outerLoops = loops;
      loops = 0;
      List<Statement> body = body(Set.of("endset"));
      loops = outerLoops;
      tokens.expect(Kind.BLOCK_END);
      return new Statement.Capture(line, first, body);
    }
    tokens.expectOperator("=");
    Expression value = expressions.parseTuple();
    tokens.expect(Kind.BLOCK_END);
    return new Statement.Assign(line, targets, value);
  }

  private Statement macroBlock(int line) {
    String name = tokens.expect(Kind.NAME).text();
    tokens.expectOperator("(");
    List<String> parameters = new ArrayList<>();
    List<@Nullable Expression> defaults = new ArrayList<>();
    while (!tokens.takeOperator(")")) {
      parameters.add(tokens.expect(Kind.NAME).text());
      defaults.add(tokens.takeOperator("=") ? expressions.parse() : null);
      if (!tokens.peek().is(Kind.OPERATOR, ")")) {
        tokens.expectOperator(",");
      }
    }
    tokens.expect(Kind.BLOCK_END);
    int outerLoops = loops;
    loops = 0;
    List<Statement> body = body(Set.of("endmacro"));
    loops = outerLoops;
    tokens.expect(Kind.BLOCK_END);
    return new Statement.Macro(line, name, parameters, defaults, body);
  }

  /** The tokens of a template, one after the other. */
  static final class TokenReader {
    private final String where;
    private final List<Token> tokens;
    private int position;

    TokenReader(String where, List<Token> tokens) {
      this.where = where;
      this.tokens = tokens;
    }

    Token peek() {
      return tokens.get(position);
    }

    Token last() {
      return tokens.get(position - 1);
    }

    /** Takes a token; the last one, which ends the template, again and again. */
    Token next() {
      return tokens.get(position < tokens.size() - 1 ? position++ : position);
    }

    Token expect(Kind kind) {
      if (peek().kind() != kind) {
        throw unexpected(new Token(kind, kind == Kind.NAME ? "a name" : "", 0).shown());
      }
      return next();
    }

    void expectName(String name) {
      if (!takeName(name)) {
        throw unexpected(name);
      }
    }

    void expectOperator(String operator) {
      if (!takeOperator(operator)) {
        throw unexpected(operator);
      }
    }

    boolean takeName(String name) {
      return take(Kind.NAME, name);
    }

    boolean takeOperator(String operator) {
      return take(Kind.OPERATOR, operator);
    }

    private boolean take(Kind kind, String text) {
      boolean there = peek().is(kind, text);
      if (there) {
        next();
      }
      return there;
    }

    InvalidModelException unexpected(String expected) {
      return error("found " + peek().shown() + " where " + expected + " is expected");
    }

    InvalidModelException error(String what) {
      return new InvalidModelException(where + ", line " + peek().line() + ": " + what);
    }
  }
}
