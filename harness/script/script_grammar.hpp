#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "harness/script/script.hpp"
#include "tao/pegtl.hpp"
#include "tao/pegtl/contrib/parse_tree.hpp"

/// Painless as far as it is taken, and the beginnings of what is not, which end the parse by name. Every rule reads its
/// text once, whatever comes behind it: a choice between two is made by what follows, or by a few words ahead.
namespace occ::painless {

namespace peg = tao::pegtl;

/// The text of a script, and where the parser has been.
struct Input : peg::memory_input<> {
  explicit Input(const std::string& text) : memory_input(text.data(), text.size(), "script") {}

  std::size_t missing_at = 0;       ///< the furthest place at which a token was missing
  bool terminator_missing = false;  ///< that token was the end of a statement
  std::size_t depth = 0;

  void note_missing(std::size_t at, bool is_terminator) {
    terminator_missing = at > missing_at ? is_terminator : terminator_missing || (at == missing_at && is_terminator);
    missing_at = std::max(missing_at, at);
  }
};

/// Deeper nesting is refused: the parser calls itself for each level.
inline constexpr std::size_t kMaxNesting = 100;
struct TooDeep {
  std::size_t offset;
};

struct LineComment : peg::seq<peg::two<'/'>, peg::until<peg::eolf>> {};
struct BlockComment : peg::seq<peg::string<'/', '*'>, peg::until<peg::string<'*', '/'>>> {};
struct Blanks : peg::star<peg::sor<peg::one<' ', '\t', '\n', '\r'>, LineComment, BlockComment>> {};

/// A token and the blanks behind it.
template <typename Rule, bool is_terminator = false>
struct Token {
  using rule_t = Token;
  using subs_t = peg::type_list<Rule, Blanks>;

  template <peg::apply_mode apply, peg::rewind_mode rewind, template <typename...> class Action,
            template <typename...> class Control, typename ParseInput, typename... States>
  static bool match(ParseInput& in, States&&... states) {
    const std::size_t at = in.byte();
    if (Control<Rule>::template match<apply, rewind, Action, Control>(in, states...)) {
      return Control<Blanks>::template match<apply, rewind, Action, Control>(in, states...);
    }
    in.note_missing(at, is_terminator);
    return false;
  }
};

template <typename Rule>
struct Nested {
  using rule_t = Nested;
  using subs_t = peg::type_list<Rule>;

  template <peg::apply_mode apply, peg::rewind_mode rewind, template <typename...> class Action,
            template <typename...> class Control, typename ParseInput, typename... States>
  static bool match(ParseInput& in, States&&... states) {
    if (in.depth == kMaxNesting) throw TooDeep{in.byte()};
    ++in.depth;
    const bool matched = Control<Rule>::template match<apply, rewind, Action, Control>(in, states...);
    --in.depth;
    return matched;
  }
};

template <char... chars>
struct Sign : Token<peg::string<chars...>> {};

[[nodiscard]] constexpr bool is_word_character(char c) noexcept {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A whole word out of a list.
template <const auto& words>
struct WordOf {
  using rule_t = WordOf;
  using subs_t = peg::type_list<>;

  template <typename ParseInput>
  static bool match(ParseInput& in) {
    const char* end = in.current();
    while (end != in.end() && is_word_character(*end)) ++end;
    const std::string_view word(in.current(), static_cast<std::size_t>(end - in.current()));
    if (std::ranges::find(words, word) == std::end(words)) return false;
    in.bump_in_this_line(word.size());
    return true;
  }
};

inline constexpr std::string_view kLoopWords[] = {"for", "while", "do", "try", "throw", "break", "continue"};
inline constexpr std::string_view kKnownTypes[] = {"def",  "boolean",   "int", "long",    "double", "String",
                                                   "List", "ArrayList", "Map", "HashMap", "Object"};
/// Some of the types that Painless knows by their simple names.
inline constexpr std::string_view kOtherTypes[] = {"float",
                                                   "byte",
                                                   "short",
                                                   "char",
                                                   "void",
                                                   "Integer",
                                                   "Long",
                                                   "Double",
                                                   "Float",
                                                   "Boolean",
                                                   "Byte",
                                                   "Short",
                                                   "Character",
                                                   "Number",
                                                   "Math",
                                                   "Date",
                                                   "Set",
                                                   "HashSet",
                                                   "LinkedHashSet",
                                                   "TreeSet",
                                                   "TreeMap",
                                                   "LinkedHashMap",
                                                   "LinkedList",
                                                   "Collection",
                                                   "Collections",
                                                   "Collectors",
                                                   "Arrays",
                                                   "Comparator",
                                                   "Iterator",
                                                   "Iterable",
                                                   "Optional",
                                                   "StringBuilder",
                                                   "StringBuffer",
                                                   "StringJoiner",
                                                   "StringTokenizer",
                                                   "BigInteger",
                                                   "BigDecimal",
                                                   "Instant",
                                                   "ZonedDateTime",
                                                   "LocalDate",
                                                   "LocalDateTime",
                                                   "LocalTime",
                                                   "OffsetDateTime",
                                                   "ZoneId",
                                                   "ZoneOffset",
                                                   "Duration",
                                                   "Period",
                                                   "ChronoUnit",
                                                   "ChronoField",
                                                   "DateTimeFormatter",
                                                   "SimpleDateFormat",
                                                   "Calendar",
                                                   "GregorianCalendar",
                                                   "TimeZone",
                                                   "Locale",
                                                   "UUID",
                                                   "Pattern",
                                                   "Matcher",
                                                   "Debug",
                                                   "Objects",
                                                   "System",
                                                   "Random",
                                                   "Base64",
                                                   "CharSequence",
                                                   "Function",
                                                   "Predicate",
                                                   "Supplier",
                                                   "Consumer",
                                                   "Stream",
                                                   "IntStream",
                                                   "Exception",
                                                   "RuntimeException"};
inline constexpr std::string_view kIf[] = {"if"};
inline constexpr std::string_view kElse[] = {"else"};
inline constexpr std::string_view kReturn[] = {"return"};
inline constexpr std::string_view kNew[] = {"new"};
inline constexpr std::string_view kInstanceOf[] = {"instanceof"};
inline constexpr std::string_view kTrue[] = {"true"};
inline constexpr std::string_view kFalse[] = {"false"};
inline constexpr std::string_view kNull[] = {"null"};
inline constexpr std::string_view kOtherWords[] = {"in", "catch", "this"};

struct LoopWord : WordOf<kLoopWords> {};
struct KnownType : WordOf<kKnownTypes> {};
struct OtherType : WordOf<kOtherTypes> {};
struct True : WordOf<kTrue> {};
struct False : WordOf<kFalse> {};
struct Null : WordOf<kNull> {};
struct Reserved : peg::sor<WordOf<kLoopWords>, WordOf<kKnownTypes>, WordOf<kOtherTypes>, WordOf<kIf>, WordOf<kElse>,
                           WordOf<kReturn>, WordOf<kNew>, WordOf<kInstanceOf>, WordOf<kTrue>, WordOf<kFalse>,
                           WordOf<kNull>, WordOf<kOtherWords>> {};
struct Name : peg::seq<peg::not_at<Reserved>, peg::identifier> {};
/// What stands behind a dot may be any word, or a number.
struct MemberName : peg::sor<peg::identifier, peg::plus<peg::digit>> {};

// Literals.

struct Digits : peg::plus<peg::digit> {};
struct Exponent : peg::seq<peg::one<'e', 'E'>, peg::opt<peg::one<'+', '-'>>, Digits> {};
struct Number : peg::seq<peg::sor<peg::seq<peg::one<'0'>, peg::one<'x', 'X'>, peg::plus<peg::xdigit>>,
                                  peg::seq<Digits, peg::opt<peg::one<'.'>, Digits>, peg::opt<Exponent>>>,
                         peg::opt<peg::one<'l', 'L', 'f', 'F', 'd', 'D'>>, peg::not_at<peg::identifier_other>> {};
template <char quote>
struct Quoted
    : peg::seq<peg::one<quote>,
               peg::star<peg::sor<peg::seq<peg::one<'\\'>, peg::one<'\\', quote>>, peg::not_one<'\\', quote>>>,
               peg::one<quote>> {};
struct String : peg::sor<Quoted<'"'>, Quoted<'\''>> {};

// What is recognised, and refused by name.

struct RegularExpression : peg::seq<peg::one<'/'>, peg::plus<peg::not_one<'/', '\n'>>, peg::one<'/'>> {};
struct ForeignOperator : peg::sor<peg::string<'=', '=', '~'>, peg::string<'=', '~'>, peg::string<'<', '<'>,
                                  peg::string<'>', '>'>, peg::string<'=', '=', '='>, peg::string<'!', '=', '='>,
                                  peg::string<':', ':'>, peg::seq<peg::one<'&'>, peg::not_at<peg::one<'&'>>>,
                                  peg::seq<peg::one<'|'>, peg::not_at<peg::one<'|'>>>, peg::one<'^'>> {};
struct BitwiseNot : peg::one<'~'> {};
struct Arrow : peg::string<'-', '>'> {};
struct Blank : peg::star<peg::space> {};
struct Parameter
    : peg::seq<peg::sor<peg::seq<peg::identifier, peg::plus<peg::space>, peg::identifier>, peg::identifier>, Blank> {};
struct Lambda
    : peg::seq<peg::sor<Parameter,
                        peg::seq<peg::one<'('>, Blank, peg::opt<peg::list<Parameter, peg::seq<peg::one<','>, Blank>>>,
                                 peg::one<')'>, Blank>>,
               Arrow> {};
struct FunctionReference : peg::seq<peg::identifier, peg::string<':', ':'>> {};
/// `String.valueOf`.
struct StaticClass : peg::seq<KnownType, peg::at<Blanks, peg::one<'.'>>> {};
struct Array : peg::one<'['> {};
struct Function : peg::one<'('> {};

// Expressions, the tightest first.

struct ExpressionBody;
struct Expression : Nested<ExpressionBody> {};
struct UnaryBody;
struct Unary : Nested<UnaryBody> {};

struct Type : peg::sor<KnownType, OtherType> {};
struct MapPart : peg::seq<Sign<':'>, Expression> {};
struct Entry : peg::seq<Expression, peg::opt<MapPart>> {};
struct EmptyMap : peg::one<':'> {};
struct Brackets : peg::seq<Sign<'['>, peg::sor<Token<EmptyMap>, peg::opt<peg::list<Entry, Sign<','>>>>, Sign<']'>> {};
struct Argument : peg::seq<peg::opt<peg::sor<Lambda, FunctionReference>>, Expression> {};
struct Arguments : peg::seq<Sign<'('>, peg::opt<peg::list<Argument, Sign<','>>>, Sign<')'>> {};
struct New : peg::seq<Token<WordOf<kNew>>, Token<Type>, peg::opt<Array>, Arguments> {};
struct LocalCall : peg::seq<Token<Name>, Arguments> {};
struct Parenthesised : peg::seq<Sign<'('>, Expression, Sign<')'>> {};
struct Primary
    : peg::sor<Parenthesised, Token<Number>, Token<String>, Token<True>, Token<False>, Token<Null>, New, Brackets,
               Token<RegularExpression>, Token<OtherType>, Token<StaticClass>, LocalCall, Token<Name>> {};
struct Dot : peg::sor<peg::string<'?', '.'>, peg::one<'.'>> {};
struct Member : peg::seq<Token<Dot>, Token<MemberName>, peg::opt<Arguments>> {};
struct Element : peg::seq<Sign<'['>, Expression, Sign<']'>> {};
struct Chain : peg::seq<Primary, peg::star<peg::sor<Member, Element>>> {};

struct Step : peg::sor<peg::string<'+', '+'>, peg::string<'-', '-'>> {};
struct StepBefore : peg::seq<Token<Step>, Chain> {};
struct StepAfter : peg::seq<Chain, peg::opt<Token<Step>>> {};
struct UnarySign : peg::one<'!', '-', '+'> {};
struct Signed : peg::seq<Token<UnarySign>, Unary> {};
struct Cast : peg::seq<Sign<'('>, Token<Type>, Sign<')'>, Unary> {};
struct UnaryBody : peg::sor<Token<BitwiseNot>, StepBefore, Signed, Cast, StepAfter> {};

struct ProductSign : peg::seq<peg::one<'*', '/', '%'>, peg::not_at<peg::one<'='>>> {};
struct SumSign : peg::sor<peg::seq<peg::one<'+'>, peg::not_at<peg::one<'+', '='>>>,
                          peg::seq<peg::one<'-'>, peg::not_at<peg::one<'-', '=', '>'>>>> {};
struct OrderSign : peg::sor<peg::string<'<', '='>, peg::string<'>', '='>, peg::one<'<'>, peg::one<'>'>> {};
struct EqualSign : peg::sor<peg::string<'=', '='>, peg::string<'!', '='>> {};
struct Product : peg::seq<Unary, peg::star<peg::sor<Token<ForeignOperator>, peg::seq<Token<ProductSign>, Unary>>>> {};
struct Sum : peg::seq<Product, peg::star<Token<SumSign>, Product>> {};
struct Instance : peg::seq<Token<WordOf<kInstanceOf>>, Token<Type>> {};
struct Order : peg::seq<Sum, peg::star<peg::sor<peg::seq<Token<OrderSign>, Sum>, Instance>>> {};
struct Equality : peg::seq<Order, peg::star<Token<EqualSign>, Order>> {};
struct Both : peg::seq<Equality, peg::star<Sign<'&', '&'>, Equality>> {};
struct Either : peg::seq<Both, peg::star<Sign<'|', '|'>, Both>> {};
struct OrElse : peg::seq<Sign<'?', ':'>, Expression> {};
struct Choice : peg::seq<Sign<'?'>, Expression, Sign<':'>, Expression> {};
struct Conditional : peg::seq<Either, peg::opt<peg::sor<OrElse, Choice>>> {};
struct AssignSign
    : peg::sor<peg::seq<peg::one<'='>, peg::not_at<peg::one<'=', '~'>>>, peg::string<'+', '='>, peg::string<'-', '='>,
               peg::string<'*', '='>, peg::string<'/', '='>, peg::string<'%', '='>> {};
struct ExpressionBody : peg::seq<Conditional, peg::opt<Token<AssignSign>, Expression>> {};

// Statements.

struct StatementBody;
struct Statement : Nested<StatementBody> {};
struct Terminator : Token<peg::sor<peg::one<';'>, peg::at<peg::one<'}'>>, peg::eof>, true> {};
struct Block : peg::seq<Sign<'{'>, peg::star<Statement>, Sign<'}'>> {};
struct Trailer : peg::sor<Block, Statement> {};
struct IfElse
    : peg::seq<Token<WordOf<kIf>>, Sign<'('>, Expression, Sign<')'>, Trailer, peg::opt<Token<WordOf<kElse>>, Trailer>> {
};
struct Loop : Token<LoopWord> {};
struct Declared : peg::seq<Token<Name>, peg::sor<Token<Function>, peg::opt<Sign<'='>, Expression>>> {};
struct Declaration : peg::seq<Token<Type>, peg::opt<Array>, peg::list<Declared, Sign<','>>, Terminator> {};
struct Return : peg::seq<Token<WordOf<kReturn>>, peg::opt<Expression>, Terminator> {};
struct Evaluation : peg::seq<Expression, Terminator> {};
struct StatementBody : peg::sor<Loop, IfElse, Return, Declaration, Evaluation> {};
struct Whole : peg::seq<Blanks, peg::star<Statement>, Token<peg::eof>> {};

}  // namespace occ::painless
