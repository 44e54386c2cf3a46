package io.sambay4j.structured;

import static io.sambay4j.structured.Walks.accepts;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import io.sambay4j.tokenizer.TestFiles;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class JsonSchemaTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonSchemaFactory VALIDATOR =
      JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);

  private static Grammar schema(String json) {
    return Grammar.jsonSchema(json.replace('\'', '"'));
  }

  private static void check(String schema, List<String> good, List<String> bad) {
    Grammar grammar = schema(schema);
    for (String text : good) {
      assertTrue(accepts(grammar, text.replace('\'', '"')), schema + " should take " + text);
    }
    for (String text : bad) {
      assertFalse(accepts(grammar, text.replace('\'', '"')), schema + " should refuse " + text);
    }
  }

  private static boolean isValid(String schema, String text) throws Exception {
    JsonNode node = JSON.readTree(text);
    return VALIDATOR.getSchema(schema.replace('\'', '"')).validate(node).isEmpty();
  }

  @Test
  void objectsHavePropertiesInTheirOrder() {
    check(
        "{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'},'c':{'type':'null'}},"
            + "'required':['b']}",
        List.of(
            "{'b':'x'}",
            "{'a':1,'b':''}",
            "{'b':'','c':null}",
            "{'a': 1, 'b': 'x', 'c': null}",
            "{\n  'b': 'x'\n}"),
        List.of(
            "{}",
            "{'a':1}",
            "{'b':'x','a':1}",
            "{'b':'x','d':1}",
            "{'b':'x',}",
            "{'b':1}",
            "{'b':'x','b':'x'}",
            "{,'b':'x'}"));
    check(
        "{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'integer'}}}",
        List.of("{}", "{ }", "{'a':1}", "{'b':1}", "{'a':1,'b':2}"),
        List.of("{'a':1 'b':2}", "{'a':1,}"));
  }

  @Test
  void additionalPropertiesComeLastAndAreNoneOfTheListed() {
    check(
        "{'type':'object','properties':{'ab':{'type':'integer'}},'additionalProperties':{'type':'string'}}",
        List.of("{}", "{'ab':1}", "{'ab':1,'x':'y'}", "{'a':'y'}", "{'abc':'y','é':''}", "{'':''}"),
        List.of(
            "{'ab':'y'}", "{'x':'y','ab':1}", "{'x':1}", "{'ab':1,'ab':'x'}", "{'\\u0061b':'y'}"));
    check("{'type':'object'}", List.of("{}", "{'a':[{}]}"), List.of("[]", "1"));
    check("{'type':'object','additionalProperties':false}", List.of("{}"), List.of("{'a':1}"));
    check(
        "{'type':'object','additionalProperties':{'type':'integer'}}",
        List.of("{}", "{'a':1,'b':2}"),
        List.of("{'a':'x'}"));
    check("{'type':'object','required':['z']}", List.of("{'z':[1]}"), List.of("{}", "{'y':1}"));
  }

  @Test
  void arraysHaveItemsAndLengths() {
    check(
        "{'type':'array','items':{'type':'boolean'},'minItems':1,'maxItems':3}",
        List.of("[true]", "[true, false, true]", "[\n true,\n false\n]"),
        List.of("[]", "[true,true,true,true]", "[1]", "[true,]"));
    check("{'type':'array'}", List.of("[]", "[1,'a',{}]"), List.of("{}"));
    check("{'type':'array','maxItems':0}", List.of("[]"), List.of("[1]"));
    check("{'type':'array','items':false}", List.of("[]"), List.of("[1]"));
    check(
        "{'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'items':{'type':'null'}}",
        List.of("[1,'a']", "[1,'a',null,null]"),
        List.of("[]", "['a',1]", "[1,'a',2]"));
    check(
        "{'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'items':false}",
        List.of("[1,'a']"),
        List.of("[1,'a',2]"));
    check(
        "{'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'maxItems':1}",
        List.of("[1]"),
        List.of("[1,'a']", "[]"));
  }

  @Test
  void stringsHaveLengthsInCharacters() {
    check(
        "{'type':'string','minLength':1,'maxLength':2}",
        List.of("'a'", "'é漢'", "'😀😀'", "'\\n\\u0000'"),
        List.of("''", "'abc'", "'😀😀😀'", "a"));
    check("{'type':'string','minLength':2}", List.of("'ab'", "'abc'"), List.of("'a'"));
  }

  @Test
  void patternsAreSearchedForUnlessHeld() {
    check("{'type':'string','pattern':'b+'}", List.of("'b'", "'abbc'"), List.of("''", "'a'"));
    check("{'type':'string','pattern':'^b+$'}", List.of("'b'", "'bb'"), List.of("'ab'", "'bc'"));
    check("{'type':'string','pattern':'^a|c$'}", List.of("'ab'", "'bc'"), List.of("'ba'", "'cb'"));
    check(
        "{'type':'string','pattern':'^[\\\"\\\\n]$'}",
        List.of("'\\\"'", "'\\n'"),
        List.of("'n'", "'\\\\'"));
  }

  @Test
  void formatsAreKept() throws Exception {
    for (String format :
        List.of(
            "date", "time", "date-time", "duration", "uuid", "hostname", "ipv4", "ipv6", "uri")) {
      String schema = "{'type':'string','format':'" + format + "'}";
      for (int seed = 0; seed < 10; seed++) {
        String text = Walks.random(schema(schema), Walks.TINY, new Random(seed));
        assertTrue(formatIsKept(format, text), "seed " + seed + ": " + text);
      }
    }
    check( // the validator asks for a top-level domain that exists, which is not a matter of form
        "{'type':'string','format':'email'}",
        List.of("'a.b+c@example.org'", "'x@a-b.c.de'"),
        List.of("'a@b'", "'@b.de'", "'a b@c.de'", "'a@-b.de'"));
    check(
        "{'type':'string','format':'date'}",
        List.of("'2024-02-28'", "'1999-12-31'"),
        List.of("'2024-02-30'", "'2024-13-01'", "'24-01-01'", "'2024-04-31'"));
  }

  private static boolean formatIsKept(String format, String text) throws Exception {
    var config =
        com.networknt.schema.SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build();
    String schema = "{\"type\":\"string\",\"format\":\"" + format + "\"}";
    return VALIDATOR.getSchema(schema, config).validate(JSON.readTree(text)).isEmpty();
  }

  @Test
  void wholeNumbersHaveBounds() {
    Random random = new Random(5);
    for (int round = 0; round < 60; round++) {
      long low = random.nextInt(4000) - 2000;
      long high = low + random.nextInt(1 << random.nextInt(12));
      boolean open = random.nextBoolean() && high > low + 1;
      Grammar grammar =
          schema(
              "{'type':'integer','%s':%d,'%s':%d}"
                  .formatted(
                      open ? "exclusiveMinimum" : "minimum",
                      low,
                      open ? "exclusiveMaximum" : "maximum",
                      high));
      for (long value = low - 12; value <= high + 12; value += 1 + random.nextInt(7)) {
        boolean inside = open ? low < value && value < high : low <= value && value <= high;
        assertEquals(
            inside, accepts(grammar, "" + value), value + " in " + low + ".." + high + open);
      }
    }
    check(
        "{'type':'integer','minimum':0}",
        List.of("0", "7", "9999999999999999"),
        List.of("-1", "-0", "01", "1.0", "1e3", "99999999999999999"));
    check("{'type':'integer','maximum':-5}", List.of("-5", "-6", "-123"), List.of("-4", "0", "5"));
    check("{'type':'integer'}", List.of("0", "-7", "12"), List.of("-0", "--1", "1.5", ""));
  }

  @Test
  void numbersHaveBounds() {
    String[][] bounds = {
      {"0", "1"}, {"-1.5", "2.25"}, {"0.5", "0.75"}, {"-3", "-1"}, {"10", "12.5"}, {"0.1", "0.125"}
    };
    Random random = new Random(9);
    for (String[] bound : bounds) {
      for (boolean open : new boolean[] {false, true}) {
        String prefix = open ? "exclusiveM" : "m";
        String schema =
            "{'type':'number','%sinimum':%s,'%saximum':%s}"
                .formatted(prefix, bound[0], prefix, bound[1])
                .replace("mminimum", "minimum");
        Grammar grammar = schema(schema);
        double low = Double.parseDouble(bound[0]);
        double high = Double.parseDouble(bound[1]);
        for (int round = 0; round < 200; round++) {
          String text =
              new java.math.BigDecimal(low + (high - low) * (random.nextDouble() * 1.4 - 0.2))
                  .setScale(random.nextInt(5), java.math.RoundingMode.HALF_UP)
                  .toPlainString();
          double value = Double.parseDouble(text);
          boolean inside = open ? low < value && value < high : low <= value && value <= high;
          if (value != 0 || !text.startsWith("-")) {
            assertEquals(inside, accepts(grammar, text), text + " and " + schema);
          }
        }
      }
    }
    check(
        "{'type':'number','exclusiveMinimum':0}", List.of("0.001", "5"), List.of("0", "0.0", "-1"));
    check(
        "{'type':'number'}",
        List.of("1", "-1.5", "2e10", "0.5E-3"),
        List.of("1.", ".5", "1e", "0x1"));
  }

  @Test
  void constantsAreWrittenAsTheyAre() {
    check(
        "{'enum':['red','gr\\\"een',1,null,{'a':[1,2]}]}",
        List.of("'red'", "'gr\\\"een'", "1", "null", "{'a':[1,2]}", "{ 'a': [1, 2] }"),
        List.of("'re'", "2", "{'a':[1]}", "{}"));
    check("{'const':'x'}", List.of("'x'"), List.of("x", "'y'"));
    check("{'type':'string','enum':['a',1]}", List.of("'a'"), List.of("1"));
  }

  @Test
  void alternativesAndTypesAreChosenFrom() {
    check(
        "{'anyOf':[{'type':'integer'},{'type':'array','items':{'type':'integer'}}]}",
        List.of("1", "[1,2]"),
        List.of("'a'", "['a']"));
    check("{'oneOf':[{'const':1},{'const':2}]}", List.of("1", "2"), List.of("3"));
    check("{'type':['string','null']}", List.of("'a'", "null"), List.of("1"));
    check("{}", List.of("1", "'a'", "[{}]", "{'a':null}", "true"), List.of("", "tru"));
    check("true", List.of("1", "[]"), List.of(""));
    check(
        "{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'integer'}},"
            + "'anyOf':[{'required':['a']},{'required':['b']}]}",
        List.of("{'a':1}", "{'b':1}", "{'a':1,'b':1}"),
        List.of("{}"));
  }

  @Test
  void allOfIsMerged() {
    check(
        "{'allOf':[{'type':'object','properties':{'a':{'type':'integer'}}},"
            + "{'properties':{'b':{'type':'string'}},'required':['a','b']}]}",
        List.of("{'a':1,'b':''}"),
        List.of("{'a':1}", "{'b':''}"));
    check(
        "{'allOf':[{'type':'integer','minimum':3},{'minimum':5,'maximum':9}]}",
        List.of("5", "9"),
        List.of("4", "10"));
    check(
        "{'allOf':[{'$ref':'#/$defs/x'}],'description':'d','$defs':{'x':{'type':'boolean'}}}",
        List.of("true"),
        List.of("1"));
  }

  @Test
  void schemasMayRecurse() {
    check(
        "{'$ref':'#/$defs/tree','$defs':{'tree':{'type':'object','properties':{'v':{'type':'integer'},"
            + "'kids':{'type':'array','items':{'$ref':'#/$defs/tree'}}},'required':['v','kids']}}}",
        List.of(
            "{'v':1,'kids':[]}",
            "{'v':1,'kids':[{'v':2,'kids':[{'v':3,'kids':[]}]},{'v':4,'kids':[]}]}"),
        List.of("{'v':1}", "{'v':1,'kids':[{}]}", "{'v':1,'kids':[{'v':2,'kids':[]}}"));
    check(
        "{'type':'object','properties':{'next':{'anyOf':[{'$ref':'#'},{'type':'null'}]}},'required':['next']}",
        List.of("{'next':null}", "{'next':{'next':{'next':null}}}"),
        List.of("{}", "{'next':{}}"));
    // Two readings at every level, which end differently far away.
    Grammar twoReadings =
        schema(
            "{'$ref':'#/$defs/n','$defs':{'n':{'anyOf':["
                + "{'type':'object','properties':{'x':{'$ref':'#/$defs/n'}}},"
                + "{'type':'object','properties':{'x':{'$ref':'#/$defs/n'},'y':{'type':'integer'}}}]}}}");
    assertTrue(
        accepts(
            twoReadings, "{\"x\":".repeat(60) + "{}" + ",\"y\":1}".repeat(30) + "}".repeat(30)));
  }

  @Test
  void propertyNamesAreEscapedAsJsonIs() {
    check(
        "{'type':'object','properties':{'a\\\"b':{'const':1},'é\\n':{'const':2}},'required':['a\\\"b','é\\n']}",
        List.of("{'a\\\"b':1,'é\\n':2}"),
        List.of("{'a\\\"b':1,'\\u00e9\\n':2}"));
  }

  @Test
  void whatRandomWalksThroughRandomSchemasSayIsValid() throws Exception {
    for (int seed = 0; seed < 120; seed++) {
      String schema = new RandomSchemas(new Random(seed)).schema();
      for (int walk = 0; walk < 5; walk++) {
        String text = Walks.random(Grammar.jsonSchema(schema), Walks.TINY, new Random(walk));
        assertTrue(isValid(schema, text), "seed " + seed + ": " + text + " for " + schema);
      }
    }
  }

  @Test
  void validInstancesOfRandomSchemasAreAccepted() throws Exception {
    for (int seed = 0; seed < 200; seed++) {
      RandomSchemas random = new RandomSchemas(new Random(seed));
      String schema = random.schema();
      for (int i = 0; i < 5; i++) {
        String text = random.instance(JSON.readTree(schema));
        assertTrue(isValid(schema, text), "seed " + seed + ": the instance itself: " + text);
        assertTrue(
            accepts(Grammar.jsonSchema(schema), text),
            "seed " + seed + ": " + text + " for " + schema);
      }
    }
  }

  @Test
  void invalidChangesToInstancesAreRefused() throws Exception {
    int refused = 0;
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      RandomSchemas schemas = new RandomSchemas(random);
      String schema = schemas.schema();
      String text = schemas.instance(JSON.readTree(schema));
      StringBuilder changed = new StringBuilder(text);
      int at = random.nextInt(text.length());
      changed.setCharAt(at, "{}[]\",:0x-".charAt(random.nextInt(10)));
      boolean valid;
      try {
        valid =
            JSON.reader()
                        .with(
                            com.fasterxml.jackson.databind.DeserializationFeature
                                .FAIL_ON_TRAILING_TOKENS)
                        .readTree(changed.toString())
                    != null
                && isValid(schema, changed.toString());
      } catch (com.fasterxml.jackson.core.JacksonException e) {
        valid = false;
      }
      if (!valid) {
        refused++;
        assertFalse(
            accepts(Grammar.jsonSchema(schema), changed.toString()),
            "seed " + seed + ": " + changed + " for " + schema);
      }
    }
    assertTrue(refused > 50, "only " + refused + " of the changes made an instance invalid");
  }

  @Test
  void aLargeVocabularySaysTheSame() throws Exception {
    for (int seed = 0; seed < 10; seed++) {
      String schema = new RandomSchemas(new Random(seed)).schema();
      String text =
          Walks.random(Grammar.jsonSchema(schema), TestFiles.O200k.TOKENIZER, new Random(seed));
      assertTrue(isValid(schema, text), "seed " + seed + ": " + text + " for " + schema);
    }
  }
}
