package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A part of a template that writes or does something. */
interface Statement {
  /** How execution goes on after a statement. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  /** Where it stands, from 1. */
  int line();

  Flow execute(Scope scope, Run run, Text.Builder out);

  /** Executes statements in order until one leaves the loop round they are in. */
  static Flow executeAll(List<Statement> statements, Scope scope, Run run, Text.Builder out) {
    for (Statement statement : statements) {
      run.enter(statement.line());
      Flow flow = statement.execute(scope, run, out);
      run.leave();
      if (flow != Flow.NEXT) {
        return flow;
      }
    }
    return Flow.NEXT;
  }

  /** Text outside all tags. */
  record Data(int line, Text text) implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      new Site(run, line, "text").spendGrowth(out, text.length());
      out.append(text);
      return Flow.NEXT;
    }
  }

  /** {@code {{ value }}}. */
  record Output(int line, Expression value) implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      Site site = new Site(run, line, "{{ }}");
      Text text = Values.text(site, run.evaluate(value, scope));
      site.spendGrowth(out, text.length());
      out.append(text);
      return Flow.NEXT;
    }
  }

  /** One condition of an {@code if} and what it guards; the one of {@code else} is null. */
  record Branch(@Nullable Expression condition, List<Statement> body) {}

  /** {@code {% if %}}: the first branch whose condition holds. */
  record If(int line, List<Branch> branches) implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      for (Branch branch : branches) {
        if (branch.condition == null || Values.isTrue(run.evaluate(branch.condition, scope))) {
          return executeAll(branch.body, scope, run, out);
        }
      }
      return Flow.NEXT;
    }
  }

  /** {@code {% for targets in elements if condition %}}; each round has its own variables. */
  record For(
      int line,
      List<String> targets,
      Expression elements,
      @Nullable Expression condition,
      List<Statement> body,
      List<Statement> otherwise)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      Site site = new Site(run, line, "for");
      List<Object> chosen = choose(site, scope);
      if (chosen.isEmpty()) {
        return executeAll(otherwise, scope, run, out);
      }
      for (int i = 0; i < chosen.size(); i++) {
        run.spend(line, 1);
        Scope round = new Scope(scope);
        assign(site, targets, chosen.get(i), round);
        round.set("loop", new Loop(chosen, i));
        if (executeAll(body, round, run, out) == Flow.BREAK) {
          break;
        }
      }
      return Flow.NEXT;
    }

    private List<Object> choose(Site site, Scope scope) {
      List<Object> all = Values.elements(site, site.run().evaluate(elements, scope));
      if (condition == null) {
        return all;
      }
      List<Object> chosen = new ArrayList<>();
      for (Object element : all) {
        Scope trial = new Scope(scope);
        assign(site, targets, element, trial);
        if (Values.isTrue(site.run().evaluate(condition, trial))) {
          chosen.add(element);
        }
      }
      return chosen;
    }
  }

  /** {@code {% set a = value %}}, {@code {% set a, b = value %}}. */
  record Assign(int line, List<String> targets, Expression value) implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      assign(new Site(run, line, "set"), targets, run.evaluate(value, scope), scope);
      return Flow.NEXT;
    }
  }

  /** {@code {% set namespace.attribute = value %}}. */
  record AssignAttribute(int line, String object, String attribute, Expression value)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      if (!(scope.find(object) instanceof Namespace namespace)) {
        throw run.error(
            line, "set " + object + "." + attribute + ": " + object + " is not a namespace");
      }
      namespace.set(attribute, run.evaluate(value, scope));
      return Flow.NEXT;
    }
  }

  /** {@code {% set a %}...{% endset %}}: what the body writes. */
  record Capture(int line, String target, List<Statement> body) implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      Text.Builder captured = new Text.Builder();
      executeAll(body, new Scope(scope), run, captured);
      scope.set(target, captured.build());
      return Flow.NEXT;
    }
  }

  /** {@code {% macro name(parameters) %}}: a function that returns what its body writes. */
  record Macro(
      int line,
      String name,
      List<String> parameters,
      List<@Nullable Expression> defaults,
      List<Statement> body)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      Scope outermost = scope.outermost();
      scope.set(name, (Callable) arguments -> call(arguments, outermost));
      return Flow.NEXT;
    }

    private Object call(Arguments arguments, Scope outermost) {
      Run run = arguments.site().run();
      arguments.checkNames(parameters.size(), parameters.toArray(new String[0]));
      Scope scope = new Scope(outermost);
      for (int i = 0; i < parameters.size(); i++) {
        String parameter = parameters.get(i);
        Object value = arguments.find(i, parameter);
        Expression otherwise = defaults.get(i);
        if (value == null) {
          value = otherwise == null ? new Undefined(parameter) : run.evaluate(otherwise, scope);
        }
        scope.set(parameter, value);
      }
      Text.Builder written = new Text.Builder();
      executeAll(body, scope, run, written);
      return written.build();
    }
  }

  /** {@code {% break %}} and {@code {% continue %}}. */
  record Jump(int line, Flow flow) implements Statement {
    @Override
    public Flow execute(Scope scope, Run run, Text.Builder out) {
      return flow;
    }
  }

  private static void assign(Site site, List<String> targets, Object value, Scope scope) {
    if (targets.size() == 1) {
      scope.set(targets.get(0), value);
      return;
    }
    List<Object> parts = Values.elements(site, value);
    if (parts.size() != targets.size()) {
      throw site.error("there are " + targets.size() + " names for " + parts.size() + " values");
    }
    for (int i = 0; i < parts.size(); i++) {
      scope.set(targets.get(i), parts.get(i));
    }
  }
}
