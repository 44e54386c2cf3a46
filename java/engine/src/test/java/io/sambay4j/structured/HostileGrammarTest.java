package io.sambay4j.structured;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Schemas, grammars and regular expressions as strangers send them. */
class HostileGrammarTest {
  private static void refused(String reason, Supplier<Grammar> grammar) {
    GrammarException e = assertThrows(GrammarException.class, grammar::get);
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(reason), message);
    assertTrue(message.length() < 700, "a message of " + message.length() + " characters");
    assertFalse(message.contains("\n"), message);
  }

  private static void schemaRefused(String reason, String schema) {
    refused(reason, () -> Grammar.jsonSchema(schema.replace('\'', '"')));
  }

  @Test
  void aSchemaThatIsNoJson() {
    schemaRefused("not acceptable JSON", "{'type':");
    schemaRefused("the schema is empty", "");
    schemaRefused("not acceptable JSON", "{'type':'string','type':'integer'}");
    schemaRefused("not acceptable JSON", "{} {}");
    schemaRefused("a schema is an object", "[1]");
    schemaRefused("a schema is an object", "{'items':3}");
    schemaRefused("allows no value", "false");
  }

  @Test
  void aSchemaThatIsTooLongOrTooDeep() {
    schemaRefused("at most 1048576", "{'const':'" + "a".repeat(1 << 20) + "'}");
    schemaRefused("not acceptable JSON", "{'items':".repeat(500) + "{}" + "}".repeat(500));
  }

  @Test
  void keywordsThatAreNotSupportedAreNamed() {
    for (String keyword :
        List.of(
            "not",
            "if",
            "patternProperties",
            "propertyNames",
            "multipleOf",
            "contains",
            "minProperties",
            "unevaluatedProperties",
            "dependentRequired",
            "$dynamicRef",
            "typo")) {
      schemaRefused("'" + keyword + "' is not supported", "{'" + keyword + "':{}}");
    }
    schemaRefused("#/properties/a/items", "{'properties':{'a':{'items':{'multipleOf':2}}}}");
    schemaRefused("not supported", "{'uniqueItems':true}");
    schemaRefused("cannot be combined", "{'type':'string','pattern':'a','maxLength':3}");
    schemaRefused("is not supported, only", "{'type':'string','format':'phone'}");
  }

  @Test
  void referencesThatLeadNowhereOrAway() {
    schemaRefused("points to nothing", "{'$ref':'#/$defs/x'}");
    schemaRefused("the same schema", "{'$ref':'https://example.org/x'}");
    schemaRefused("the same schema", "{'$ref':'file:///etc/passwd'}");
    schemaRefused("the same schema", "{'$ref':7}");
    schemaRefused("beside $ref", "{'$ref':'#/$defs/x','minimum':3,'$defs':{'x':{}}}");
  }

  @Test
  void schemasThatAreNothingButThemselves() {
    schemaRefused("refers to itself", "{'$ref':'#'}");
    schemaRefused(
        "refers to itself",
        "{'$ref':'#/$defs/a','$defs':{'a':{'$ref':'#/$defs/b'},'b':{'anyOf':[{'$ref':'#/$defs/a'},{}]}}}");
    schemaRefused("refers to itself", "{'allOf':[{'$ref':'#'}],'type':'string'}");
  }

  @Test
  void schemasThatNeverEnd() {
    schemaRefused(
        "no finite text", "{'type':'object','properties':{'a':{'$ref':'#'}},'required':['a']}");
    schemaRefused("no finite text", "{'type':'array','items':{'$ref':'#'},'minItems':1}");
    schemaRefused("no finite text", "{'type':'integer','minimum':5,'maximum':4}");
  }

  @Test
  void schemasOfWrongTypesAndRanges() {
    schemaRefused("minLength must be", "{'type':'string','minLength':-1}");
    schemaRefused("maxLength must be", "{'type':'string','maxLength':1e99}");
    schemaRefused("maxItems must be", "{'type':'array','maxItems':99999999999}");
    schemaRefused("minItems is 3 but maxItems is 2", "{'type':'array','minItems':3,'maxItems':2}");
    schemaRefused("minimum must be", "{'type':'integer','minimum':1e400}");
    schemaRefused("minimum must be", "{'type':'integer','minimum':'1'}");
    schemaRefused("type must be", "{'type':'text'}");
    schemaRefused("type is an empty list", "{'type':[]}");
    schemaRefused("enum must be", "{'enum':[]}");
    schemaRefused("required must be", "{'required':'a'}");
    schemaRefused("properties must be", "{'properties':[]}");
    schemaRefused("half a surrogate pair", "{'const':'\\ud800'}");
    schemaRefused("not in properties", "{'required':['a'],'additionalProperties':false}");
  }

  @Test
  void schemasThatWouldTakeTooManyStates() {
    schemaRefused(
        "more than 100000 states",
        "{'type':'array','minItems':5000,'items':{'type':'integer'},'prefixItems':[{'enum':['"
            + "abc".repeat(40000)
            + "']}]}");
    StringBuilder many = new StringBuilder("{'anyOf':[");
    for (int i = 0; i < 60_000; i++) {
      many.append("{'const':").append(i).append("},");
    }
    schemaRefused("more than", many.append("{}]}").toString());
  }

  @Test
  void aLongChainOfReferencesIsFollowedWithoutRecursion() {
    StringBuilder schema = new StringBuilder("{'$ref':'#/$defs/d0','$defs':{");
    int length = 15_000;
    for (int i = 0; i < length; i++) {
      schema.append("'d%d':{'$ref':'#/$defs/d%d'},".formatted(i, i + 1));
    }
    schema.append("'d%d':{'type':'boolean'}}}".formatted(length));
    assertTrue(Walks.accepts(Grammar.jsonSchema(schema.toString().replace('\'', '"')), "true"));
  }

  @Test
  void patternsOfSchemasAreRefusedWithTheirPlace() {
    schemaRefused("#/properties/a/pattern", "{'properties':{'a':{'pattern':'(a'}}}");
    schemaRefused("pattern must be a string", "{'pattern':1}");
  }

  private static void regexRefused(String reason, String expression) {
    refused(reason, () -> Grammar.regex(expression));
  }

  @Test
  void malformedRegularExpressions() {
    regexRefused(") is missing", "(a");
    regexRefused("')' has no meaning", "a)");
    regexRefused("nothing to repeat", "*a");
    regexRefused("is repeated", "a**");
    regexRefused("ends before it begins", "a{3,2}");
    regexRefused("ends before it begins", "[z-a]");
    regexRefused("has no end", "[a");
    regexRefused("class is empty", "[]");
    regexRefused("class is empty", "[^\\s\\S]");
    regexRefused("backslash stands at the end", "a\\");
    regexRefused("half a surrogate pair", "\uD800");
    regexRefused("beyond the last character", "\\u{110000}");
    regexRefused("hexadecimal", "\\u12");
  }

  @Test
  void regularExpressionsThatAreNotRegularOrNotSupported() {
    regexRefused("\\1 is not supported", "(a)\\1");
    regexRefused("supported groups", "(?=a)b");
    regexRefused("look-behind", "(?<!a)b");
    regexRefused("supported groups", "(?i)a");
    regexRefused("\\b is not supported", "\\ba");
    regexRefused("\\p is not supported", "\\p{L}");
    regexRefused("possessive", "a*+b");
    regexRefused("^ is supported only", "a^b");
    regexRefused("$ is supported only", "(a$)b");
  }

  @Test
  void exponentialRegularExpressions() {
    regexRefused("more than 100000 states", "(a|b)*a(a|b){20}");
    regexRefused("more than 100000 states", "((a{1000}){1000}){1000}");
    regexRefused("at most 10000 times", "a{100000}");
    regexRefused("at most 10000 times", "a{99999999999999}");
    regexRefused("nested more than", "(".repeat(5000) + "a" + ")".repeat(5000));
    regexRefused("at most 1048576", "a".repeat((1 << 20) + 1));
    assertTrue(Walks.accepts(Grammar.regex("(a*)*(a*)*(a|aa)*b"), "a".repeat(300) + "b"));
  }

  private static void ebnfRefused(String reason, String rules) {
    refused(reason, () -> Grammar.ebnf(rules));
  }

  @Test
  void malformedGrammars() {
    ebnfRefused("no rule root", "");
    ebnfRefused("no rule root", "a ::= \"x\"");
    ebnfRefused("a rule is expected", "::= \"x\"");
    ebnfRefused("line 2: the rule 'b' is not defined", "root ::= \"x\"\n b");
    ebnfRefused("defined twice", "root ::= \"x\" root ::= \"y\"");
    ebnfRefused("has no end", "root ::= \"x");
    ebnfRefused(") is missing", "root ::= (\"x\"");
    ebnfRefused("')' has no meaning", "root ::= \"x\")");
    ebnfRefused("one character", "root ::= \"\\d\"");
    ebnfRefused("control token is written", "root ::= <a b>");
    ebnfRefused("'%' has no meaning", "root ::= %");
    ebnfRefused("a number from 0", "root ::= \"a\"{x}");
    ebnfRefused("is repeated", "root ::= \"a\"*{3}");
  }

  @Test
  void grammarsThatReferToThemselvesFirst() {
    ebnfRefused("'root' refers to itself", "root ::= root \"a\" | \"b\"");
    ebnfRefused("refers to itself", "root ::= a \"x\"  a ::= b  b ::= root | \"y\"");
    ebnfRefused("refers to itself", "root ::= \"a\"? root | \"b\"");
    ebnfRefused("refers to itself", "root ::= e root \"b\" | \"c\"  e ::= f*  f ::= \"\"");
  }

  @Test
  void grammarsThatNeverEndOrAreTooLarge() {
    ebnfRefused("no finite text", "root ::= \"a\" root");
    ebnfRefused("nested more than", "root ::= " + "(".repeat(3000) + "\"a\"" + ")".repeat(3000));
    ebnfRefused("states", "root ::= ((\"ab\"{9999}){9999}){9999}");
    StringBuilder rules = new StringBuilder("root ::= \"a\"\n");
    for (int i = 0; i < 30_000; i++) {
      rules.append("r").append(i).append(" ::= \"a\"\n");
    }
    ebnfRefused("more than 20000 rules", rules.toString());
  }

  @Test
  void rulesThatDoubleAtEachStepStaySmall() {
    // 2^40 texts, but each rule is compiled once.
    StringBuilder rules = new StringBuilder("root ::= r0\n");
    for (int i = 0; i < 40; i++) {
      rules.append("r%d ::= r%d r%d\n".formatted(i, i + 1, i + 1));
    }
    rules.append("r40 ::= \"a\"?");
    assertTrue(Walks.accepts(Grammar.ebnf(rules.toString()), "aaaa"));
  }

  @Test
  void choicesOutsideTheirRange() {
    refused("1 to 10000", () -> Grammar.choices(List.of()));
    refused("1 to 10000", () -> Grammar.choices(Collections.nCopies(10_001, "a")));
    refused("is empty", () -> Grammar.choices(List.of("a", "")));
    refused("half a surrogate pair", () -> Grammar.choices(List.of("\uD800")));
  }

  @Test
  void randomSourcesAreTakenOrRefusedWithASentence() {
    String alphabet = "ab()[]{}|*+?^$\\\"'<>:=#., \n019-,rotype$ref/";
    int refused = 0;
    for (int seed = 0; seed < 3000; seed++) {
      Random random = new Random(seed);
      StringBuilder source = new StringBuilder();
      for (int i = random.nextInt(30); i > 0; i--) {
        source.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        switch (random.nextInt(3)) {
          case 0 -> Grammar.regex(source.toString());
          case 1 -> Grammar.ebnf("root ::= " + source);
          default -> Grammar.jsonSchema("{\"type\":" + source + "}");
        }
      } catch (GrammarException e) {
        refused++;
        assertFalse(String.valueOf(e.getMessage()).isBlank(), "seed " + seed);
      }
    }
    assertTrue(refused > 100 && refused < 3000, "refused " + refused);
  }
}
