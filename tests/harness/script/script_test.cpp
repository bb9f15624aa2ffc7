/// Scripts, what they make of a document, and what is told of those that are wrong or not taken. Expectations follow the
/// sources of Elasticsearch 7 (UpdateHelper, DefMath, PainlessScript) and its published answers.
#include "harness/script/script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/script/script_cache.hpp"

namespace occ {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json ctx_of(const std::string& source) {
  Json ctx = {{"op", "index"}, {"_index", "i"}, {"_id", "1"}, {"_version", 7}, {"_routing", nullptr}, {"_now", 1000}};
  ctx["_source"] = Json::parse(source);
  return ctx;
}

/// The source that a script leaves, with `op` in front where it is not "index"; else the error's stage, type and reason,
/// or "501" and what is not taken.
std::string left_by(const std::string& script, const std::string& source, const std::string& params = "{}") {
  try {
    const auto outcome = Script(script).run(ctx_of(source), Json::parse(params));
    const std::string op = outcome.op == "index" ? "" : to_text(outcome.op) + " ";
    return op + to_text(outcome.source);
  } catch (const ScriptError& error) {
    return std::string(error.stage) + ": " + std::string(error.cause_type) + ": " + error.what();
  } catch (const UnsupportedScript& what) {
    return std::string("501 ") + what.what();
  }
}

struct Example {
  const char* script;
  const char* source;
  const char* left;
  const char* params = "{}";
};

void expect_left(const std::vector<Example>& examples) {
  for (const auto& [script, source, left, params] : examples) {
    SCOPED_TRACE(script);
    EXPECT_EQ(left_by(script, source, params), left);
  }
}

TEST(ScriptTest, run_assignments_write_the_places_that_they_name) {
  expect_left({
      {"ctx._source.n = 1", "{}", R"({"n":1})"},
      {"ctx._source.n += params.by", R"({"n":40})", R"({"n":42})", R"({"by":2})"},
      {"ctx._source.n -= 1; ctx._source.n *= 3; ctx._source.n /= 2; ctx._source.n %= 4", R"({"n":5})", R"({"n":2})"},
      {"ctx._source.n++; ++ctx._source.n; ctx._source.n--;", R"({"n":1})", R"({"n":2})"},
      {"ctx._source.was = ctx._source.n++; ctx._source.is = ++ctx._source.n", R"({"n":1})",
       R"({"n":3,"was":1,"is":3})"},
      {"ctx['_source']['a']['b'] = 'x'", R"({"a":{}})", R"({"a":{"b":"x"}})"},
      {"ctx._source.a = ctx._source.b = 2", "{}", R"({"b":2,"a":2})"},
      {"ctx._source.a.0 = 5; ctx._source.a[1] = 6; ctx._source.a[-1] = 7", R"({"a":[1,2,3]})", R"({"a":[5,6,7]})"},
      {"def s = ctx._source; s.x = s.y; s.y = null", R"({"y":{"z":1}})", R"({"y":null,"x":{"z":1}})"},
      {"ctx._source = ['n': 1]", R"({"gone":1})", R"({"n":1})"},
      {"ctx._source.v = ctx._version + 1; ctx._source.t = ctx._now; ctx._source.i = ctx._index + '/' + ctx._id", "{}",
       R"({"v":8,"t":1000,"i":"i/1"})"},
      {"/* first */ ctx._source.n = 1; // last\n", "{}", R"({"n":1})"},
  });
}

TEST(ScriptTest, run_numbers_behave_as_javas) {
  expect_left({
      {"ctx._source.n = 7 / 2", "{}", R"({"n":3})"},
      {"ctx._source.n = -7 / 2", "{}", R"({"n":-3})"},
      {"ctx._source.n = -7 % 3", "{}", R"({"n":-1})"},
      {"ctx._source.n = 7 / 2.0", "{}", R"({"n":3.5})"},
      {"ctx._source.n = 5.5 % 2", "{}", R"({"n":1.5})"},
      {"ctx._source.n += 1", R"({"n":2147483647})", R"({"n":-2147483648})"},
      // What was there keeps its type, whatever is done to it: as OpenSearch answers.
      {"ctx._source.n += 1L", R"({"n":2147483647})", R"({"n":-2147483648})"},
      {"ctx._source.n += 1.5", R"({"n":7})", R"({"n":8})"},
      {"ctx._source.n -= 1e10", R"({"n":7})", R"({"n":-2147483648})"},
      {"ctx._source.n *= 0.5", R"({"n":9000000000})", R"({"n":4500000000})"},
      {"ctx._source.n += 1", R"({"n":2.5})", R"({"n":3.5})"},
      {"def x = 7; x /= 2.0; ctx._source.n = x", "{}", R"({"n":3})"},
      {"ctx._source.n = ctx._source.n + 1.5", R"({"n":7})", R"({"n":8.5})"},
      // Both branches have one type where both are known.
      {"ctx._source.n = true ? 1 : 2.5", "{}", R"({"n":1.0})"},
      {"ctx._source.n = (ctx._source.b ? 3000000000L : 1.0) - 1", R"({"b":true})", R"({"b":true,"n":2999999999.0})"},
      {"ctx._source.n = true ? ctx._source.n : 2.5", R"({"n":1})", R"({"n":1})"},
      {"ctx._source.n = [true ? 1 : 2.5]; def x = true ? 1 : 2.5; ctx._source.x = x", "{}", R"({"n":[1],"x":1})"},
      {"ctx._source.n += 1", R"({"n":9223372036854775807})", R"({"n":-9223372036854775808})"},
      {"ctx._source.n *= 65536", R"({"n":65536})", R"({"n":0})"},
      {"ctx._source.n = -2147483648 / -1", "{}", R"({"n":-2147483648})"},
      {"ctx._source.n = -9223372036854775808L % -1", "{}", R"({"n":0})"},
      {"ctx._source.n = -ctx._source.n", R"({"n":-2147483648})", R"({"n":-2147483648})"},
      {"ctx._source.v = ctx._version * 1000000000", "{}", R"({"v":7000000000})"},
      {"ctx._source.n = 0x10 + 010 + 1e2", "{}", R"({"n":124.0})"},
      {"ctx._source.n = 1.0 / 0", "{}", R"({"n":"Infinity"})"},
      {"ctx._source.n = (int) 3.9 + (long) 1 + (int) 3e10", "{}", R"({"n":2147483651})"},
      {"int i = 3; i += 1.7; long l = i; double d = i; ctx._source.n = [i, l, d]", "{}", R"({"n":[4,4,4.0]})"},
      {"ctx._source.a = 1 == 1.0; ctx._source.b = 1 == 1L; ctx._source.c = [1] == [1L]; ctx._source.d = 2 < 2.5", "{}",
       R"({"a":true,"b":true,"c":false,"d":true})"},
      {"ctx._source.n = 2 + 3 * 4 - -1", "{}", R"({"n":15})"},
      {"ctx._source.n /= 0", R"({"n":1})", "runtime error: arithmetic_exception: / by zero"},
      {"ctx._source.n %= 0L", R"({"n":1})", "runtime error: arithmetic_exception: / by zero"},
  });
}

TEST(ScriptTest, run_conditions_choose) {
  expect_left({
      {"if (ctx._source.n > 5) { ctx._source.big = true } else { ctx._source.big = false }", R"({"n":6})",
       R"({"n":6,"big":true})"},
      {"if (ctx._source.n > 5) ctx._source.big = 1; else if (ctx._source.n > 3) ctx._source.big = 2; else "
       "ctx._source.big = 3;",
       R"({"n":4})", R"({"n":4,"big":2})"},
      {"if (ctx._source.tags == null) { ctx._source.tags = [] } ctx._source.tags.add('x')", "{}", R"({"tags":["x"]})"},
      {"if (!ctx._source.containsKey('n') || ctx._source.n == null) { ctx._source.n = 0 } ctx._source.n++", "{}",
       R"({"n":1})"},
      {"ctx._source.s = ctx._source.n >= 1 && ctx._source.n <= 2 ? 'in' : 'out'", R"({"n":2})", R"({"n":2,"s":"in"})"},
      {"ctx._source.s = ctx._source.a?.b?.c ?: 'none'", R"({"a":null})", R"({"a":null,"s":"none"})"},
      {"ctx._source.n = ctx._source.x != 'a' ? 1 : 2", R"({"x":"a"})", R"({"x":"a","n":2})"},
      {"if (ctx._source.a instanceof List) { ctx._source.k = 'list' }", R"({"a":[]})", R"({"a":[],"k":"list"})"},
      {"if (ctx._source.n == 1) { return; } ctx._source.n = 9", R"({"n":1})", R"({"n":1})"},
      {"if (ctx._source.n == 1) { return; } ctx._source.n = 9", R"({"n":2})", R"({"n":9})"},
      {"boolean b = true; if (b && !false) { ctx.op = 'none' }", "{}", R"("none" {})"},
      {"if (ctx._source.n > 1) { ctx.op = 'delete' }", R"({"n":2})", R"("delete" {"n":2})"},
      // The right side is not run.
      {"ctx._source.b = false && 1 / ctx._source.z == 1; ctx._source.c = true || 1 / ctx._source.z == 1", "{}",
       R"({"b":false,"c":true})"},
  });
}

TEST(ScriptTest, run_strings_are_joined_as_java_prints) {
  expect_left({
      {"ctx._source.s += ', ' + params.b", R"({"s":"a"})", R"({"s":"a, b"})", R"({"b":"b"})"},
      {"ctx._source.s = '' + 1 + 2L + 1.0 + true + null", "{}", R"({"s":"121.0truenull"})"},
      {"ctx._source.s = '' + 1e10 + ' ' + 1e-5 + ' ' + 123456.5 + ' ' + 0.001 + ' ' + -0.0", "{}",
       R"({"s":"1.0E10 1.0E-5 123456.5 0.001 -0.0"})"},
      {"ctx._source.s = 'a' + ctx._source.m", R"({"m":{"x":[1,null],"y":"z"}})",
       R"({"m":{"x":[1,null],"y":"z"},"s":"a{x=[1, null], y=z}"})"},
      {R"(ctx._source.s = 'it\'s' + "\"" + '\\')", "{}", R"({"s":"it's\"\\"})"},
      {"ctx._source.n = ctx._source.s.length(); ctx._source.e = ctx._source.s.isEmpty()",
       "{\"s\":\"a\u00e9\U0001F600\"}", "{\"s\":\"a\u00e9\U0001F600\",\"n\":4,\"e\":false}"},
      {"ctx._source.a = 'abc'.contains('b'); ctx._source.b = 'abc'.startsWith('b'); ctx._source.c = "
       "'abc'.endsWith('c')",
       "{}", R"({"a":true,"b":false,"c":true})"},
      {"ctx._source.s = ctx._source.n.toString(); ctx._source.e = 'a'.equals('a')", R"({"n":5})",
       R"({"n":5,"s":"5","e":true})"},
  });
}

TEST(ScriptTest, run_lists_and_maps_have_their_methods) {
  expect_left({
      {"ctx._source.l.add(params.x); ctx._source.l.add(0, 'first')", R"({"l":[1]})", R"({"l":["first",1,{"k":2}]})",
       R"({"x":{"k":2}})"},
      {"if (ctx._source.l.contains(params.x)) { ctx._source.l.remove(ctx._source.l.indexOf(params.x)) }",
       R"({"l":["a","b","c"]})", R"({"l":["a","c"]})", R"({"x":"b"})"},
      {"ctx._source.n = [ctx._source.l.size(), ctx._source.l.length]; ctx._source.l.clear(); "
       "ctx._source.e = ctx._source.l.isEmpty()",
       R"({"l":[1,2]})", R"({"l":[],"n":[2,2],"e":true})"},
      {"ctx._source.l.addAll(ctx._source.l); ctx._source.l.set(0, ctx._source.l.get(1))", R"({"l":[1,2]})",
       R"({"l":[2,2,1,2]})"},
      {"ctx._source.remove('a'); ctx._source.gone = ctx._source.remove('none')", R"({"a":1,"b":2})",
       R"({"b":2,"gone":null})"},
      {"ctx._source.m.put('x', ctx._source.m.getOrDefault('x', 0) + 1); ctx._source.m.putIfAbsent('y', 5)",
       R"({"m":{}})", R"({"m":{"x":1,"y":5}})"},
      {"ctx._source.putAll(params.changes)", R"({"a":1,"b":1})", R"({"a":2,"b":1,"c":3})",
       R"({"changes":{"a":2,"c":3}})"},
      {"ctx._source.k = ctx._source.containsKey('a') && ctx._source.containsValue(1)", R"({"a":1})",
       R"({"a":1,"k":true})"},
      {"ctx._source.m = new HashMap(); ctx._source.m.l = new ArrayList(); ctx._source.e = [:]", "{}",
       R"({"m":{"l":[]},"e":{}})"},
      {"ctx._source.l = [1, 'a', [2], ['k': null]]", "{}", R"({"l":[1,"a",[2],{"k":null}]})"},
      {"params.x = 1", "{}", "runtime error: unsupported_operation_exception: "},
      {"ctx._source.l[2] = 1", R"({"l":[1]})",
       "runtime error: index_out_of_bounds_exception: Index 2 out of bounds for length 1"},
  });
}

TEST(ScriptTest, run_with_values_of_other_types_is_an_error_of_java) {
  expect_left({
      {"ctx._source.a.b = 1", "{}",
       "runtime error: null_pointer_exception: cannot access method/field [b] from a null def reference"},
      {"ctx._source.n += 1", "{}",
       "runtime error: null_pointer_exception: Cannot invoke \"Object.getClass()\" because \"left\" is null"},
      {"ctx._source.n = 'a' - 1", "{}",
       "runtime error: class_cast_exception: Cannot apply [-] operation to types [java.lang.String] and "
       "[java.lang.Integer]."},
      {"ctx._source.n = 'a' < 1", "{}",
       "runtime error: class_cast_exception: Cannot apply [<] operation to types [java.lang.String] and "
       "[java.lang.Integer]."},
      {"if (ctx._source.n) { ctx.op = 'none' }", R"({"n":1})",
       "runtime error: class_cast_exception: cannot implicitly cast def [int] to boolean"},
      {"int i = ctx._source.n", R"({"n":3000000000})",
       "runtime error: class_cast_exception: cannot implicitly cast def [long] to int"},
      {"ctx._source.n = ctx._source.b - 1.5", R"({"b":true})",
       "runtime error: class_cast_exception: Cannot cast java.lang.Boolean to java.lang.Double"},
      {"ctx._source.n = (int) ctx._source.s", R"({"s":"a"})",
       "runtime error: class_cast_exception: cannot explicitly cast def [java.lang.String] to int"},
      {"ctx._source.n += 'a'", R"({"n":1})",
       "runtime error: class_cast_exception: class java.lang.String cannot be cast to class java.lang.Number "
       "(java.lang.String and java.lang.Number are in module java.base of loader 'bootstrap')"},
      {"ctx._source.n = ctx._source.b == ctx._source.l", R"({"b":true,"l":3000000000})",
       "runtime error: class_cast_exception: Cannot cast java.lang.Boolean to java.lang.Long"},
      {"ctx._source.n = ctx._source.b < 1", R"({"b":true})",
       "runtime error: class_cast_exception: Cannot apply [<] operation to types [java.lang.Boolean] and "
       "[java.lang.Integer]."},
      {"ctx._source.n.foo()", R"({"n":1})",
       "runtime error: illegal_argument_exception: dynamic method [java.lang.Integer, foo/0] not found"},
      {"ctx._source.n = ctx._source.n.foo", R"({"n":1})",
       "runtime error: illegal_argument_exception: dynamic getter [java.lang.Integer, foo] not found"},
  });
}

TEST(ScriptTest, compile_constants_are_folded) {
  const std::string by_zero = "compile error: arithmetic_exception: / by zero";
  EXPECT_EQ(left_by("if (ctx._source.b) { ctx._source.n = 2 + (1 / (3 - 3)) }", "{}"), by_zero);
  EXPECT_EQ(left_by("ctx._source.n = 5L % (int) 0.5", "{}"), by_zero);
  EXPECT_EQ(left_by("ctx._source.n = -1 / -0", "{}"), by_zero);
  EXPECT_EQ(left_by("ctx._source.n = 1 / 0; x = 1", "{}"),
            "compile error: illegal_argument_exception: cannot resolve symbol [x]");
  EXPECT_EQ(left_by("ctx._source.n = 1 / 0.0; ctx._source.m = 2 * 3 + 4", "{}"), R"({"n":"Infinity","m":10})");
}

TEST(ScriptTest, compile_what_is_wrong_is_an_error_of_painless) {
  const std::string wrong = "compile error: illegal_argument_exception: ";
  for (const auto& [script, reason] : std::vector<std::pair<const char*, const char*>>{
           {"ctx._source.n += ", "unexpected end of script."},
           {"ctx._source.n = 1 ctx._source.m = 2", "unexpected token ['ctx'] was expecting one of [{<EOF>, ';'}]."},
           {"if (true { ctx.op = 'none' }", "invalid sequence of tokens near ['{']."},
           {"ctx._source.n = = 1", "invalid sequence of tokens near ['=']."},
           {"ctx._source.n = 1 @", "unexpected character [@]."},
           {"ctx._source.s = 'a", "unexpected character ['a]."},
           {"ctx._source.n = x", "cannot resolve symbol [x]"},
           {"int i = 1; def i = 2;", "variable [i] is already defined"},
           {"if (ctx._source.a) { def i = 1; ctx._source.i = i } ctx._source.j = i", "cannot resolve symbol [i]"},
           {"ctx._source.n", "not a statement: result not used from dot operator [n]"},
           {"ctx._source.n == 1", "not a statement: result not used from operation [==]"},
           {"1 = 2", "invalid assignment: cannot assign a value to expression"},
           {"ctx = 1", "Variable [ctx] is read-only."},
           {"foo(1, 2)", "Unknown call [foo] with [2] arguments."},
           {"ctx._source.n = 3000000000",
            "Invalid int constant [3000000000]. If you want a long constant then change it to [3000000000L]."},
           {"if (true) { ctx.op = 'none' }", "extraneous if block"},
           {"", "invalid function definition: found no statements for function [execute] with [0] parameters"},
       }) {
    SCOPED_TRACE(script);
    EXPECT_EQ(left_by(script, "{}"), wrong + reason);
  }
  EXPECT_EQ(left_by("return 1", "{}"), "compile error: class_cast_exception: Cannot cast from [def] to [void].");
}

TEST(ScriptTest, compile_what_the_engine_has_besides_is_named) {
  for (const auto& [script, what] : std::vector<std::pair<const char*, const char*>>{
           {"for (def t : ctx._source.tags) { ctx._source.n++ }", "[for] in a script is"},
           {"while (ctx._source.n < 3) { ctx._source.n++ }", "[while] in a script is"},
           {"try { ctx.op = 'none' } catch (Exception e) {}", "[try] in a script is"},
           {"ctx._source.tags.removeIf(t -> t == 'a')", "lambdas in a script are"},
           {"ctx._source.tags.sort((a, b) -> a.compareTo(b))", "lambdas in a script are"},
           {"ctx._source.tags.sort(Integer::compare)", "[Integer::] in a script is"},
           {"ctx._source.m = /a+/.matcher('a').matches()", "regular expressions in a script are"},
           {"if (ctx._source.s =~ /a/) { ctx.op = 'none' }", "[=~] in a script is"},
           {"ctx._source.n = ctx._source.n & 1", "[&] in a script is"},
           {"ctx._source.n = 1 << 3", "[<<] in a script is"},
           {"ctx._source.n = ~1", "[~] in a script is"},
           {"ctx._source.n = Math.max(1, 2)", "[Math] in a script is"},
           {"Math.max(1, 2)", "[Math] in a script is"},
           {"ctx._source.n = String.valueOf(1)", "[String] in a script is"},
           {"float f = 1", "[float] in a script is"},
           {"ctx._source.n = 1.5f", "[float] in a script is"},
           {"int[] a = ctx._source.a", "arrays in a script are"},
           {"int twice(int n) { return n * 2 } ctx._source.n = twice(1)", "functions of a script are"},
           {"ctx._source.d = new Date()", "[Date] in a script is"},
           {"ctx._source.s = 'abc'.substring(1)", "the method [java.lang.String.substring] is"},
           {"ctx._source.k = ctx._source.keySet()", "the method [java.util.LinkedHashMap.keySet] is"},
           {"ctx._source.m = [1: 2]", "keys of a map that are no String are"},
       }) {
    SCOPED_TRACE(script);
    EXPECT_EQ(left_by(script, "{}"), std::string("501 ") + what);
  }
}

TEST(ScriptTest, errors_say_where) {
  const auto error_of = [](const std::string& script) {
    try {
      (void)Script(script).run(ctx_of("{}"), Json::object());
    } catch (const ScriptError& error) {
      return error;
    }
    return ScriptError("", "", "none");
  };
  // The last place whose code can fail before the operation: what is added, not what it is added to.
  const auto added = error_of("ctx._source.counter += params.count");
  EXPECT_THAT(added.stack, ElementsAre("ctx._source.counter += params.count", std::string(29, ' ') + "^---- HERE"));
  EXPECT_EQ(added.offset, 29U);
  EXPECT_EQ(added.start, 0U);
  EXPECT_EQ(added.end, 35U);

  const auto second = error_of("ctx._source.a = '\u00e9'; ctx._source.b.c = 4 ");
  EXPECT_THAT(second.stack, ElementsAre("ctx._source.b.c = 4 ", std::string(13, ' ') + "^---- HERE"));
  EXPECT_EQ(second.offset, 34U);
  EXPECT_EQ(second.start, 21U);
  EXPECT_EQ(second.end, 41U);

  const auto syntax =
      error_of("ctx._source.a = 1; ctx._source.b = 2; ctx._source.c = = 3; ctx._source.d = 4; ctx.op = 'x'");
  EXPECT_THAT(syntax.stack, ElementsAre("... e.b = 2; ctx._source.c = = 3; ctx._source.d = 4; c ...",
                                        std::string(29, ' ') + "^---- HERE"));
  EXPECT_EQ(syntax.offset, 54U);
  EXPECT_EQ(syntax.start, 29U);
  EXPECT_EQ(syntax.end, 79U);
}

TEST(ScriptTest, limits_end_what_would_not_end) {
  const auto repeated = [](const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::string too_deep =
      "compile error: illegal_argument_exception: the script is nested deeper than occkit takes";
  EXPECT_EQ(left_by("ctx._source.n = " + repeated("(", 5'000) + "1", "{}"), too_deep);
  EXPECT_EQ(left_by("ctx._source.n = " + repeated("!", 5'000) + "true", "{}"), too_deep);
  EXPECT_EQ(left_by("ctx._source.n = 1" + repeated(" + ctx", 5'000), "{}"), too_deep);
  EXPECT_EQ(left_by("ctx._source" + repeated(".a", 5'000) + " = 1", "{}"), too_deep);
  EXPECT_EQ(left_by(repeated("if (ctx._source.a == 1) ", 2'000) + "ctx.op = 'none'", "{}"), too_deep);
  EXPECT_EQ(left_by("ctx._source.n = " + repeated("[", 5'000), "{}"), too_deep);
  EXPECT_EQ(left_by("ctx._source.n = " + repeated("(", 30) + "1" + repeated(")", 30), "{}"), R"({"n":1})");

  const std::string too_much =
      "runtime error: illegal_argument_exception: the script does more than occkit lets one do";
  EXPECT_EQ(left_by("def s = 'x';" + repeated("s += s;", 40), "{}"), too_much);
  EXPECT_EQ(left_by("def l = [1];" + repeated("l = [l, l];", 40) + "ctx._source.l = l", "{}"), too_much);
  EXPECT_EQ(left_by("def l = [1];" + repeated("l.addAll(l);", 40), "{}"), too_much);
  EXPECT_EQ(
      left_by("ctx._source.me = ctx._source", "{}"),
      "runtime error: illegal_argument_exception: Iterable object is self-referencing itself, or nested too deep");
  EXPECT_THAT(left_by(std::string(Script::kMaxBytes + 1, ' '), "{}"),
              HasSubstr("exceeded max allowed inline script size"));
}

TEST(ScriptTest, run_whole_numbers_beyond_long_stay_what_they_are) {
  expect_left({
      {"ctx._source.n = 1", R"({"big":18446744073709551615,"n":0})", R"({"big":18446744073709551615,"n":1})"},
      {"ctx._source.same = ctx._source.a == ctx._source.b", R"({"a":18446744073709551615,"b":18446744073709551615})",
       R"({"a":18446744073709551615,"b":18446744073709551615,"same":true})"},
  });
}

TEST(ScriptCacheTest, find_or_compile_keeps_a_script_and_forgets_the_oldest) {
  ScriptCache cache;
  const auto numbered = [](std::size_t i) { return "ctx._source.n = " + std::to_string(i); };
  const auto first = cache.find_or_compile(numbered(0));
  EXPECT_EQ(cache.find_or_compile(numbered(0)), first);
  for (std::size_t i = 1; i < ScriptCache::kMaxScripts; ++i) (void)cache.find_or_compile(numbered(i));
  EXPECT_EQ(cache.size(), ScriptCache::kMaxScripts);
  // Asked for again, so the next one to go is another.
  EXPECT_EQ(cache.find_or_compile(numbered(0)), first);
  (void)cache.find_or_compile("ctx.op = 'none'");
  EXPECT_EQ(cache.size(), ScriptCache::kMaxScripts);
  EXPECT_EQ(cache.find_or_compile(numbered(0)), first);
  EXPECT_THROW((void)cache.find_or_compile("ctx._source."), ScriptError);
  EXPECT_EQ(cache.size(), ScriptCache::kMaxScripts);
}

TEST(ScriptCacheTest, find_or_compile_keeps_no_more_text_than_it_may) {
  ScriptCache cache;
  const std::string blanks(Script::kMaxBytes - 100, ' ');
  for (int i = 0; i < 20; ++i) (void)cache.find_or_compile("ctx._source.n = " + std::to_string(i) + blanks);
  EXPECT_EQ(cache.size(), ScriptCache::kMaxBytes / Script::kMaxBytes);
}

}  // namespace
}  // namespace occ
