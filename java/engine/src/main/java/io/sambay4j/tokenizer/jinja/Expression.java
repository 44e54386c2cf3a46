package io.sambay4j.tokenizer.jinja;

import io.sambay4j.tokenizer.jinja.Filters.Filter;
import io.sambay4j.tokenizer.jinja.Tests.Test;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A part of a template that has a value. */
interface Expression {
  /** Where it stands, from 1. */
  int line();

  /** Computes the value; called through {@link Run#evaluate} only, which counts. */
  Object evaluate(Scope scope, Run run);

  /** A string, number, boolean or none written out. */
  record Literal(int line, Object value) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      return value;
    }
  }

  /** {@code [a, b]} or {@code (a, b)}. */
  record ListOf(int line, List<Expression> elements) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      List<Object> values = new ArrayList<>();
      for (Expression element : elements) {
        values.add(run.evaluate(element, scope));
      }
      return values;
    }
  }

  /** {@code {'a': b}}. */
  record MapOf(int line, List<Expression> keys, List<Expression> values) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Map<Object, Object> map = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        Object key = run.evaluate(keys.get(i), scope);
        if (!(key instanceof Text || key instanceof Long)) {
          throw run.error(
              line,
              "a mapping's key is " + Values.typeName(key) + ", expected a string or an integer");
        }
        map.put(key, run.evaluate(values.get(i), scope));
      }
      return map;
    }
  }

  /** A variable. */
  record Name(int line, String name) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object value = scope.find(name);
      return value == null ? new Undefined(name) : value;
    }
  }

  /** {@code object.name}. */
  record Attribute(int line, Expression object, String name) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      return Access.attribute(new Site(run, line, "." + name), run.evaluate(object, scope), name);
    }
  }

  /** {@code object[key]}. */
  record Index(int line, Expression object, Expression key) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object value = run.evaluate(object, scope);
      return Access.item(new Site(run, line, "[]"), value, run.evaluate(key, scope));
    }
  }

  /** {@code object[from:to:step]}. */
  record Slice(
      int line,
      Expression object,
      @Nullable Expression from,
      @Nullable Expression to,
      @Nullable Expression step)
      implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      return Access.slice(
          new Site(run, line, "[:]"),
          run.evaluate(object, scope),
          bound(from, scope, run),
          bound(to, scope, run),
          bound(step, scope, run));
    }

    private static Object bound(@Nullable Expression bound, Scope scope, Run run) {
      return bound == null ? None.NONE : run.evaluate(bound, scope);
    }
  }

  /** {@code not a}. */
  record Not(int line, Expression operand) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      return !Values.isTrue(run.evaluate(operand, scope));
    }
  }

  /** {@code -a} or {@code +a}. */
  record Sign(int line, Expression operand, boolean negative) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      return Arithmetic.sign(
          new Site(run, line, negative ? "-" : "+"), run.evaluate(operand, scope), negative);
    }
  }

  /** {@code a and b}, {@code a or b}: the value of whichever decides. */
  record Logical(int line, Expression left, Expression right, boolean and) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object value = run.evaluate(left, scope);
      return Values.isTrue(value) == and ? run.evaluate(right, scope) : value;
    }
  }

  /** An operator between two values. */
  record Binary(int line, String operator, Expression left, Expression right)
      implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object leftValue = run.evaluate(left, scope);
      return Arithmetic.apply(
          new Site(run, line, operator), operator, leftValue, run.evaluate(right, scope));
    }
  }

  /** {@code a < b <= c}: every neighbouring pair must hold. */
  record Comparison(int line, Expression first, List<String> operators, List<Expression> others)
      implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object left = run.evaluate(first, scope);
      for (int i = 0; i < operators.size(); i++) {
        Object right = run.evaluate(others.get(i), scope);
        String operator = operators.get(i);
        if (!Arithmetic.holds(new Site(run, line, operator), operator, left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    }
  }

  /** {@code a if condition else b}. */
  record Conditional(
      int line, Expression condition, Expression then, @Nullable Expression otherwise)
      implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      if (Values.isTrue(run.evaluate(condition, scope))) {
        return run.evaluate(then, scope);
      }
      return otherwise == null ? new Undefined("else") : run.evaluate(otherwise, scope);
    }
  }

  /** What is written between the parentheses of a call. */
  record CallArguments(List<Expression> positional, Map<String, Expression> named) {
    static final CallArguments NONE = new CallArguments(List.of(), Map.of());

    Arguments evaluate(Site site, Scope scope) {
      List<Object> values = new ArrayList<>();
      for (Expression expression : positional) {
        values.add(site.run().evaluate(expression, scope));
      }
      Map<String, Object> namedValues = new LinkedHashMap<>();
      named.forEach(
          (name, expression) -> namedValues.put(name, site.run().evaluate(expression, scope)));
      return new Arguments(site, values, namedValues);
    }
  }

  /** {@code value | filter(arguments)}. */
  record Filtered(int line, Expression value, String name, Filter filter, CallArguments arguments)
      implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object input = run.evaluate(value, scope);
      return filter.apply(input, arguments.evaluate(new Site(run, line, "filter " + name), scope));
    }
  }

  /** {@code value is test(arguments)}. */
  record Tested(
      int line, Expression value, String name, Test test, CallArguments arguments, boolean negated)
      implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      Object input = run.evaluate(value, scope);
      return test.holds(input, arguments.evaluate(new Site(run, line, "test " + name), scope))
          != negated;
    }
  }

  /** {@code function(arguments)} or {@code object.method(arguments)}. */
  record Call(int line, Expression callee, CallArguments arguments) implements Expression {
    @Override
    public Object evaluate(Scope scope, Run run) {
      if (callee instanceof Attribute attribute) {
        Object object = run.evaluate(attribute.object, scope);
        Site site = new Site(run, line, "." + attribute.name + "()");
        if (object instanceof Text || object instanceof Map || object instanceof List) {
          return Methods.call(object, attribute.name, arguments.evaluate(site, scope));
        }
        return call(site, Access.attribute(site, object, attribute.name), scope);
      }
      String name = callee instanceof Name variable ? variable.name + "()" : "call";
      return call(new Site(run, line, name), run.evaluate(callee, scope), scope);
    }

    private Object call(Site site, Object function, Scope scope) {
      if (!(function instanceof Callable callable)) {
        throw site.error("cannot call " + Values.typeName(function));
      }
      return callable.call(arguments.evaluate(site, scope));
    }
  }
}
