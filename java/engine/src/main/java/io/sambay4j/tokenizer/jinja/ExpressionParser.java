package io.sambay4j.tokenizer.jinja;

import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.jinja.Expression.CallArguments;
import io.sambay4j.tokenizer.jinja.Filters.Filter;
import io.sambay4j.tokenizer.jinja.Parser.TokenReader;
import io.sambay4j.tokenizer.jinja.Tests.Test;
import io.sambay4j.tokenizer.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Builds expressions, each method for one level of precedence, the loosest first, as Jinja has
 * them.
 */
final class ExpressionParser {
  private static final int MAX_NESTING = 32;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenReader tokens;
  private int nesting;

  ExpressionParser(TokenReader tokens) {
    this.tokens = tokens;
  }

  /** {@code a if b else c}, or anything tighter. */
  Expression parse() {
    if (++nesting > MAX_NESTING) {
      throw tokens.error("more than " + MAX_NESTING + " nested expressions");
    }
    Expression value = or();
    while (tokens.peek().is(Kind.NAME, "if")) {
      int line = tokens.next().line();
      Expression condition = or();
      Expression otherwise = tokens.takeName("else") ? parse() : null;
      value = new Expression.Conditional(line, condition, value, otherwise);
    }
    nesting--;
    return value;
  }

  /** An expression that a following {@code if} does not belong to. */
  Expression parseWithoutCondition() {
    return or();
  }

  /** {@code a, b} or a single expression. */
  Expression parseTuple() {
    Expression first = parse();
    return tokens.peek().is(Kind.OPERATOR, ",") ? tuple(first) : first;
  }

  private Expression tuple(Expression first) {
    List<Expression> elements = new ArrayList<>(List.of(first));
    while (tokens.takeOperator(",")) {
      if (tokens.peek().is(Kind.OPERATOR, ")") || tokens.peek().kind() == Kind.BLOCK_END) {
        break;
      }
      elements.add(parse());
    }
    return new Expression.ListOf(first.line(), elements);
  }

  private Expression or() {
    Expression left = and();
    while (tokens.peek().is(Kind.NAME, "or")) {
      int line = tokens.next().line();
      left = new Expression.Logical(line, left, and(), false);
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.peek().is(Kind.NAME, "and")) {
      int line = tokens.next().line();
      left = new Expression.Logical(line, left, not(), true);
    }
    return left;
  }

  private Expression not() {
    List<Integer> lines = new ArrayList<>();
    while (tokens.peek().is(Kind.NAME, "not")) {
      lines.add(tokens.next().line());
    }
    Expression value = comparison();
    for (int line : lines) {
      value = new Expression.Not(line, value);
    }
    return value;
  }

  private Expression comparison() {
    Expression first = sum();
    int line = tokens.peek().line();
    List<String> operators = new ArrayList<>();
    List<Expression> others = new ArrayList<>();
    while (true) {
      Token token = tokens.peek();
      if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
        operators.add(tokens.next().text());
      } else if (tokens.takeName("in")) {
        operators.add("in");
      } else if (tokens.takeName("not")) {
        tokens.expectName("in");
        operators.add("not in");
      } else {
        return operators.isEmpty()
            ? first
            : new Expression.Comparison(line, first, operators, others);
      }
      others.add(sum());
    }
  }

  private Expression sum() {
    Expression left = concatenation();
    while (isOperator("+", "-")) {
      Token operator = tokens.next();
      left = new Expression.Binary(operator.line(), operator.text(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    Expression left = product();
    while (isOperator("~")) {
      Token operator = tokens.next();
      left = new Expression.Binary(operator.line(), operator.text(), left, product());
    }
    return left;
  }

  private Expression product() {
    Expression left = power();
    while (isOperator("*", "/", "//", "%")) {
      Token operator = tokens.next();
      left = new Expression.Binary(operator.line(), operator.text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary();
    while (isOperator("**")) {
      Token operator = tokens.next();
      left = new Expression.Binary(operator.line(), operator.text(), left, unary());
    }
    return left;
  }

  /** Signs, then what filters and tests apply to: {@code -a | abs} is {@code (-a) | abs}. */
  private Expression unary() {
    List<Token> signs = new ArrayList<>();
    while (isOperator("-", "+")) {
      signs.add(tokens.next());
    }
    Expression value = postfix(primary());
    for (int i = signs.size() - 1; i >= 0; i--) {
      value = new Expression.Sign(signs.get(i).line(), value, signs.get(i).text().equals("-"));
    }
    return filtered(value);
  }

  private Expression primary() {
    Token token = tokens.next();
    int line = token.line();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (tokens.peek().kind() == Kind.STRING) {
          text.append(tokens.next().text());
        }
        yield new Expression.Literal(line, Text.trusted(text.toString()));
      }
      case INTEGER -> new Expression.Literal(line, integer(token));
      case FLOAT -> new Expression.Literal(line, Double.parseDouble(token.text()));
      case OPERATOR -> bracketed(token);
      default -> throw unexpected(token);
    };
  }

  private static Expression name(Token token) {
    int line = token.line();
    return switch (token.text()) {
      case "true", "True" -> new Expression.Literal(line, true);
      case "false", "False" -> new Expression.Literal(line, false);
      case "none", "None" -> new Expression.Literal(line, None.NONE);
      default -> new Expression.Name(line, token.text());
    };
  }

  private Object integer(Token token) {
    try {
      return Long.parseLong(token.text());
    } catch (NumberFormatException e) {
      throw tokens.error("the number " + token.shown() + " does not fit into 64 bits");
    }
  }

  private Expression bracketed(Token token) {
    int line = token.line();
    switch (token.text()) {
      case "(" -> {
        if (tokens.takeOperator(")")) {
          return new Expression.ListOf(line, List.of());
        }
        Expression inner = parseTuple();
        tokens.expectOperator(")");
        return inner;
      }
      case "[" -> {
        List<Expression> elements = new ArrayList<>();
        while (!tokens.takeOperator("]")) {
          elements.add(parse());
          separator("]");
        }
        return new Expression.ListOf(line, elements);
      }
      case "{" -> {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.takeOperator("}")) {
          keys.add(parse());
          tokens.expectOperator(":");
          values.add(parse());
          separator("}");
        }
        return new Expression.MapOf(line, keys, values);
      }
      default -> throw unexpected(token);
    }
  }

  private void separator(String closing) {
    if (!tokens.peek().is(Kind.OPERATOR, closing)) {
      tokens.expectOperator(",");
    }
  }

  /** Attributes, items and calls. */
  private Expression postfix(Expression object) {
    Expression value = object;
    while (true) {
      int line = tokens.peek().line();
      if (tokens.takeOperator(".")) {
        Token name = tokens.next();
        value =
            switch (name.kind()) {
              case NAME -> new Expression.Attribute(line, value, name.text());
              case INTEGER ->
                  new Expression.Index(line, value, new Expression.Literal(line, integer(name)));
              default -> throw unexpected(name);
            };
      } else if (tokens.takeOperator("[")) {
        value = subscript(line, value);
      } else if (tokens.takeOperator("(")) {
        value = new Expression.Call(line, value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression subscript(int line, Expression object) {
    Expression from = isOperator(":") ? null : parse();
    if (tokens.takeOperator("]")) {
      if (from == null) {
        throw tokens.error("an empty []");
      }
      return new Expression.Index(line, object, from);
    }
    tokens.expectOperator(":");
    Expression to = isOperator(":", "]") ? null : parse();
    Expression step = tokens.takeOperator(":") && !isOperator("]") ? parse() : null;
    tokens.expectOperator("]");
    return new Expression.Slice(line, object, from, to, step);
  }

  private CallArguments arguments() {
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    while (!tokens.takeOperator(")")) {
      Expression value = parse();
      if (value instanceof Expression.Name name && tokens.takeOperator("=")) {
        if (named.put(name.name(), parse()) != null) {
          throw tokens.error("the argument " + name.name() + " is given twice");
        }
      } else if (named.isEmpty()) {
        positional.add(value);
      } else {
        throw tokens.error("an argument without a name after one with a name");
      }
      separator(")");
    }
    return new CallArguments(positional, named);
  }

  /** Filters and tests. */
  private Expression filtered(Expression input) {
    Expression value = input;
    while (true) {
      int line = tokens.peek().line();
      if (tokens.takeOperator("|")) {
        String name = tokens.expect(Kind.NAME).text();
        Filter filter = Filters.find(name);
        if (filter == null) {
          throw tokens.error("the filter " + name + " is not supported");
        }
        CallArguments arguments = tokens.takeOperator("(") ? arguments() : CallArguments.NONE;
        value = new Expression.Filtered(line, value, name, filter, arguments);
      } else if (tokens.takeName("is")) {
        value = test(line, value);
      } else {
        return value;
      }
    }
  }

  private Expression test(int line, Expression value) {
    boolean negated = tokens.takeName("not");
    Token token = tokens.next();
    Test test =
        token.kind() == Kind.NAME || token.kind() == Kind.OPERATOR
            ? Tests.find(token.text())
            : null;
    if (test == null) {
      throw tokens.error("the test " + token.shown() + " is not supported");
    }
    return new Expression.Tested(line, value, token.text(), test, testArguments(), negated);
  }

  /** A test's one argument may stand without parentheses. */
  private CallArguments testArguments() {
    if (tokens.takeOperator("(")) {
      return arguments();
    }
    Token next = tokens.peek();
    boolean argument =
        switch (next.kind()) {
          case STRING, INTEGER, FLOAT -> true;
          case NAME -> !Set.of("and", "or", "not", "else", "if", "is", "in").contains(next.text());
          case OPERATOR -> next.text().equals("[") || next.text().equals("{");
          default -> false;
        };
    return argument ? new CallArguments(List.of(postfix(primary())), Map.of()) : CallArguments.NONE;
  }

  private boolean isOperator(String... operators) {
    Token token = tokens.peek();
    return token.kind() == Kind.OPERATOR && List.of(operators).contains(token.text());
  }

  private InvalidModelException unexpected(Token token) {
    return tokens.error("found " + token.shown() + " where a value is expected");
  }
}
