//! Every row and sentence of the specification of globs, as tables, and a slow matcher to compare with.

use super::{Glob, GlobErrorKind as E};
use crate::refs::Ref;
use proptest::prelude::*;

fn glob(pattern: &str) -> Glob {
    Glob::new(pattern).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn matches() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str])] = &[
        // pattern, what it matches, what it does not
        ("", &[""], &["a"]),
        ("a/@", &["a/@"], &["a/@r", "a", "b/@", "a/@/"]),
        ("*", &["", "abc"], &["a/b", "/"]),
        ("a*c", &["ac", "abc", "abcc", "aébc"], &["a/c", "abd", "bac"]),
        ("*/-/*", &["a/-/b", "/-/"], &["a/b/-/c", "a/-/b/c"]),
        ("**", &["", "a", "a/b/@r1/task/x"], &[]),
        ("***", &["", "a/b"], &[]),
        ("**/deploy/production", &["p/@/deploy/production", "/deploy/production"], &["deploy/production", "p/@/deploy/production/1"]),
        ("a/**@*", &["a/@", "a/b/@r1", "a/b@c"], &["a/b/@r1/task", "b/@", "a@"]),
        ("x**y", &["xy", "x/y", "xa/by"], &["x", "y", "xyz"]),
        ("**/@/deploy/*", &["p/@/deploy/x", "/@/deploy/x", "a/b/@/deploy/"], &["@/deploy/x", "p/@/deploy/x/1", "p/@r1/deploy/x"]),
        ("a/**/b", &["a/x/b", "a/x/y/b", "a//b"], &["a/b", "ab"]),
        ("**/x", &["a/x", "/x"], &["x"]),
        ("a/**", &["a/", "a/b/c"], &["a", "ab"]),
        ("a/**/status/*/x", &["a/@/status/b/x", "a/b/status/c/status/d/x"], &["a/status/b/x", "a/b/status/c/d/x"]),
        ("**a*b**", &["ab", "axb", "x/ayb/z", "a/ab"], &["a/b", "ba"]),
        ("?", &["a", "é", "日"], &["", "/", "ab", "e\u{301}"]),
        ("a?c", &["abc", "a?c", "aéc"], &["a/c", "ac"]),
        ("[abc]", &["a", "b", "c"], &["d", "", "ab", "[", "]"]),
        ("[a-z]", &["a", "m", "z"], &["A", "`", "{", "-"]),
        ("[a-z0-9]x", &["ax", "5x"], &["-x", "x", "Ax"]),
        ("[!abc]", &["d", "/", "!", "é"], &["a", "b", "c", "", "dd"]),
        ("a[/x]b", &["a/b", "axb"], &["ab", "ayb"]),
        ("[^a]", &["^", "a"], &["b"]),
        ("[a^!]", &["^", "a", "!"], &["b"]),
        ("[!!]", &["a"], &["!"]),
        ("[-a]", &["-", "a"], &["b"]),
        ("[a-]", &["-", "a"], &["b"]),
        ("[!-a]", &["b"], &["-", "a"]),
        ("[a-c-e]", &["b", "-", "e"], &["d"]),
        ("[\\]\\\\]", &["]", "\\"], &["a"]),
        ("[a\\-z]", &["a", "-", "z"], &["b"]),
        ("[*?{,}]", &["*", "?", "{", ",", "}"], &["a"]),
        ("[α-ω]", &["β"], &["a", "Ω"]),
        ("[!\u{d7ff}]", &["\u{e000}", "a"], &["\u{d7ff}"]),
        ("{a,b}", &["a", "b"], &["", "c", "ab", "a,b"]),
        ("x{a,bc,}y", &["xay", "xbcy", "xy"], &["xaby", "x,y"]),
        ("{a,b{c,d}}e", &["ae", "bce", "bde"], &["be", "ce"]),
        ("{a*,?/**}", &["a", "abc", "b/c/d"], &["b", "bc/d"]),
        ("{{*}*}", &["", "ab"], &["/"]),
        ("**ab*c{d,e}", &["abcd", "aab/abxce", "/aababce"], &["ab/cd", "a/bcd", "abc"]),
        ("**aab**b", &["aaabb", "aaaab/b", "aa/aab/b"], &["aab", "abab"]),
        ("{*}*{*,}**", &["", "a/b"], &[]),
        ("{}", &[""], &["{}"]),
        ("{a}", &["a"], &["{a}"]),
        ("{,{,{,}}}", &[""], &["a"]),
        ("{a,[,}],b}", &["a", ",", "}", "b"], &["["]),
        ("**/@/deploy/{staging,production}/*", &["p/@/deploy/staging/1", "p/@/deploy/production/"], &["p/@/deploy/dev/1"]),
        ("a,b", &["a,b"], &["a"]),
        ("]", &["]"], &[""]),
        ("}", &["}"], &[""]),
        ("a]b}c", &["a]b}c"], &[]),
        ("{a}}", &["a}"], &["a"]),
        ("\\*", &["*"], &["a", "\\*"]),
        ("\\*\\?\\[\\{\\\\\\a", &["*?[{\\a"], &[]),
        ("{a\\,b,c\\}}", &["a,b", "c}"], &["a", "b", "c"]),
        ("*é", &["é", "aé"], &["e"]),
    ];
    for (pattern, yes, no) in table {
        let pattern = glob(pattern);
        for text in *yes {
            assert!(pattern.is_match(text), "{pattern} matches {text}");
        }
        for text in *no {
            assert!(!pattern.is_match(text), "{pattern} does not match {text}");
        }
        assert_eq!(glob(pattern.as_str()), pattern);
    }
}

#[test]
fn refusals() {
    let long = "a".repeat(4097);
    for (pattern, kind, offset) in [
        ("a[bc", E::UnclosedClass, 1),
        ("[", E::UnclosedClass, 0),
        ("[!", E::UnclosedClass, 0),
        ("[a-", E::UnclosedClass, 0),
        ("é[a", E::UnclosedClass, 2),
        ("{[a}", E::UnclosedClass, 1),
        ("a{b,c", E::UnclosedBrace, 1),
        ("{a,{b}", E::UnclosedBrace, 0),
        ("{a\\}", E::UnclosedBrace, 0),
        ("a[]", E::EmptyClass, 1),
        ("[!]", E::EmptyClass, 0),
        ("[]a]", E::EmptyClass, 0),
        ("x[z-a]", E::ReversedRange, 2),
        ("[ab-z9-0]", E::ReversedRange, 5),
        ("[\\z-a]", E::ReversedRange, 1),
        ("a\\", E::TrailingBackslash, 1),
        ("[a\\", E::TrailingBackslash, 2),
        ("{a,\\", E::TrailingBackslash, 3),
        (&long, E::TooLong, 0),
    ] {
        let error = Glob::new(pattern).unwrap_err();
        assert_eq!((error.kind, error.offset), (kind, offset), "{error}");
    }
    assert_eq!(
        Glob::new("a{b").unwrap_err().to_string(),
        "`{` at byte 1 of the pattern `a{b`: this `{` is never closed; add a `}`, or write `\\{` for the character",
    );
}

#[test]
fn the_old_spelling_of_task() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str])] = &[
        ("**/call/build", &["p/@r1/task/build"], &["p/@r1/call/build"]),
        ("p/@r1/call/*", &["p/@r1/task/build"], &["p/@r1/call/build"]),
        ("@/call/x", &["@/task/x"], &["@/call/x"]),
        ("*/-/*/*/call/**", &["a/-/p/@/task/x"], &[]),
        ("p/@*/{call,deploy}/*", &["p/@r1/task/x", "p/@/deploy/x"], &["p/@/call/x"]),
        ("p/@/{call/a,deploy/b}", &["p/@/task/a", "p/@/deploy/b"], &["p/@/call/a"]),
        // not where no type can stand, and only the whole word
        ("a/-/call/p/@", &["a/-/call/p/@"], &["a/-/task/p/@"]),
        ("call/p/@/task/x", &["call/p/@/task/x"], &[]),
        ("p/@/custom/call/x", &["p/@/custom/call/x"], &["p/@/custom/task/x"]),
        ("**/recall/build", &["p/@/recall/build"], &["p/@/retask/build"]),
        ("**/call", &["p/@/custom/call"], &["p/@/custom/task"]),
    ];
    for (pattern, yes, no) in table {
        let pattern = glob(pattern);
        assert!(yes.iter().all(|text| pattern.is_match(text)), "{pattern} {yes:?}");
        assert!(!no.iter().any(|text| pattern.is_match(text)), "{pattern} {no:?}");
    }
}

#[test]
fn intent() {
    for (pattern, intent, state, as_state) in [
        ("+/custom/*", true, false, "@/custom/*"),
        ("**/+/deploy/x", true, false, "**/@/deploy/x"),
        ("a/-/p/+r3/custom/ok", true, false, "a/-/p/@r3/custom/ok"),
        ("a/-/+*/**", true, false, "a/-/@*/**"),
        ("a/**+*", true, false, "a/**@*"),
        ("**+/call/x", true, false, "**@/call/x"),
        ("**/{@,+}/deploy/x", true, true, "**/{@,@}/deploy/x"),
        ("**/[@+]*/deploy/x", true, true, "**/[@@]*/deploy/x"),
        ("**/{+,+r1}/x", true, false, "**/{@,@r1}/x"),
        ("é/+/custom/c++", true, false, "é/@/custom/c++"),
        // state
        ("**", false, true, "**"),
        ("", false, true, ""),
        ("**/@/deploy/*", false, true, "**/@/deploy/*"),
        ("libs/c++/@/**", false, true, "libs/c++/@/**"),
        ("p/@/custom/+1", false, true, "p/@/custom/+1"),
        ("**/c*++/@", false, true, "**/c*++/@"),
        ("**\\+\\+/@", false, true, "**\\+\\+/@"),
        ("[!+]/**", false, true, "[!+]/**"),
        ("p/@1.0+x", false, true, "p/@1.0+x"),
    ] {
        let pattern = glob(pattern);
        assert_eq!((pattern.is_intent(), pattern.is_state()), (intent, state), "{pattern}");
        assert_eq!(pattern.to_state().as_str(), as_state);
        assert!(!pattern.to_state().is_intent(), "{pattern}");
    }
    assert!(glob("**/+/call/x").to_state().is_match("p/@/task/x"));
}

#[test]
fn literals() {
    for (pattern, prefix, literal) in [
        ("github.com/o/**/@", "github.com/o/", None),
        ("a/@r1/task/x", "a/@r1/task/x", Some("a/@r1/task/x")),
        ("a\\*b*", "a*b", None),
        ("a\\*b", "a*b", Some("a*b")),
        ("a{b,c}", "a", None),
        ("a[b]", "a", None),
        ("a?", "a", None),
        ("**", "", None),
        ("", "", Some("")),
        ("p/@/call/x", "p/@/task/x", Some("p/@/task/x")),
    ] {
        let pattern = glob(pattern);
        assert_eq!((pattern.literal_prefix(), pattern.literal()), (prefix, literal), "{pattern}");
    }
}

#[test]
fn folders() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str])] = &[
        // pattern, folders that must be opened, folders that need not
        ("**/@/deploy/prod",
            &["", "g", "g/o/r", "g/o/r/-", "g/o/r/-/p", "g/o/r/-/p/@", "g/o/r/-/p/@/deploy", "g/o/r/-/p/@/deploy/prod"],
            &["g/o/r/-/p/@r5", "g/o/r/-/p/@/task", "g/o/r/-/p/@/deploy/dev", "@", "@/deploy", "+", "g/-/p/@/deploy/prod/1"]),
        ("**", &["", "a", "a/-/p/@r5", "a/@/task", "@", "@/environment/prod/x"], &["a/@/invalid", "a/-/-", "-"]),
        ("github.com/o/r/-/p/@r5/**",
            &["", "github.com", "github.com/o/r/-", "github.com/o/r/-/p/@r5", "github.com/o/r/-/p/@r5/task"],
            &["github.com/x", "g", "github.com/o/r/-/p/@r6", "github.com/o/r/-/p/@", "@"]),
        ("github.com/o/r/-/p/@r5", &["github.com/o/r/-/p", "github.com/o/r/-/p/@r5"], &["github.com/o/r/-/p/@r5/task"]),
        ("*/-/p/@*", &["a", "a/-", "a/-/p", "a/-/p/@r1"], &["a/b", "a/-/q", "a/-/p/@r1/task"]),
        ("**/-/p/@*", &["a", "a/b", "a/-/p"], &["a/-/q", "a/-/q/p"]),
        ("@/environment/*", &["", "@", "@/environment", "@/environment/x"], &["a", "@r1", "@/custom", "@/environment/x/y"]),
        ("**/deploy/*", &["a", "a/-/deploy", "a/@r5", "a/@r5/deploy", "a/@/task"], &[]),
        ("**/@*/task/*/*/status/complete", &["a/@r5/task/b/1", "a/@r5/task/b/1/status"], &["a/@r5/deploy", "a/@r5/task/b/1/logs"]),
        ("**/@r5/**/status/*", &["a/-", "a/@r5", "a/@r5/task/x"], &["a/@r4", "@r5/task/status/x/y/@"]),
        ("**/{@,@r5}/{task,op}/x", &["a/@r5", "a/@", "a/@/op"], &["a/@r4", "a/@/push", "a/@/deploy"]),
        ("**/@*/c*/x", &["a/@/custom", "a/@/commit", "a/@/custom/x"], &["a/@/task", "a/@/environment"]),
        ("**/-/p/+/custom/x", &["a/-/p/+", "a/-/p/+/custom"], &["a/-/p/@", "a/-/p/+r1"]),
        ("a/**x", &["a", "a/b"], &["b"]),
        ("nothing/@/like/this", &[], &["", "nothing", "nothing/@"]),
        ("a/-", &["", "a", "a/-"], &["a/-/p", "b"]),
        ("**/p", &["a", "a/-", "a/p", "a/@r1"], &[]),
        ("[!a-z@+]/**", &["0", ""], &["a", "@"]),
    ];
    for (pattern, yes, no) in table {
        let pattern = glob(pattern);
        for folder in *yes {
            assert!(pattern.may_match_below(folder), "{pattern} may match below {folder:?}");
        }
        for folder in *no {
            assert!(!pattern.may_match_below(folder), "{pattern} need not look below {folder:?}");
        }
    }
}

#[test]
fn no_pattern_is_slow_or_deep() {
    let deep = format!("{}a{}", "{".repeat(2000), "}".repeat(2000));
    assert!(glob(&deep).is_match("a") && glob(&deep).may_match_below(""));
    let many = glob(&"{,a}".repeat(1000));
    assert!(many.is_match(&"a".repeat(1000)) && !many.is_match(&"a".repeat(1001)));
    let stars = glob(&format!("{}b", "**a*".repeat(300)));
    assert!(glob("{?}{**}").is_match("a/") && !glob("{?}{**}").is_match("/"));
    assert!(!glob(&format!("{}{{?}}{{**}}", "{y,}".repeat(20))).is_match("/"));
    assert!(!stars.is_match(&"a".repeat(1000)));
    assert!(stars.is_match(&format!("{}b", "a".repeat(1000))));
    assert!(stars.may_match_below("a/a/a"));
}

/// Backtracks through the pattern as the table of the specification reads.
fn slow(pattern: &[char], text: &[char]) -> bool {
    let Some(&c) = pattern.first() else { return text.is_empty() };
    let rest = &pattern[1..];
    match c {
        '*' if rest.first() == Some(&'*') => {
            let rest = &rest[rest.iter().take_while(|&&c| c == '*').count()..];
            (0..=text.len()).any(|taken| slow(rest, &text[taken..]))
        }
        '*' => (0..=text.len())
            .take_while(|&n| !text[..n].contains(&'/'))
            .any(|taken| slow(rest, &text[taken..])),
        '\0' => slow(rest, text),
        '?' => text.first().is_some_and(|&c| c != '/') && slow(rest, &text[1..]),
        '{' => {
            let mut depth = 1;
            let mut alternatives = vec![vec![]];
            for (at, &c) in rest.iter().enumerate() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        alternatives.push(vec![]);
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 {
                    let tail = &rest[at + 1..];
                    // The NUL stands for nothing: it keeps `{*}*` from becoming `**`.
                    return alternatives.iter().any(|one| slow(&[one, &['\0'][..], tail].concat(), text));
                }
                alternatives.last_mut().unwrap().push(c);
            }
            panic!("unclosed")
        }
        c => text.first() == Some(&c) && slow(rest, &text[1..]),
    }
}

fn patterns(pieces: Vec<&'static str>) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(pieces).prop_map(str::to_owned);
    let nested = piece.prop_recursive(2, 12, 3, |inner| {
        let sequence = prop::collection::vec(inner, 0..3).prop_map(|pieces| pieces.concat());
        prop::collection::vec(sequence, 1..4)
            .prop_map(|alternatives| format!("{{{}}}", alternatives.join(",")))
    });
    prop::collection::vec(nested, 0..8).prop_map(|pieces| pieces.concat())
}

const SEGMENTS: &[&str] =
    &["a", "b", "-", "@", "@r1", "+", "@b+", "task", "deploy", "custom", "a+b", "-b", "é", "commit"];

fn refs() -> impl Strategy<Value = Ref> {
    prop::collection::vec(prop::sample::select(SEGMENTS), 1..8)
        .prop_filter_map("a ref", |segments| segments.join("/").parse().ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn agrees_with_backtracking(
        pattern in patterns(vec!["a", "b", "/", "*", "**", "?", "é", "ab"]), text in "[ab/é]{0,8}",
    ) {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = slow(&chars(&pattern), &chars(&text));
        prop_assert_eq!(glob(&pattern).is_match(&text), expected);
        // The same with more steps than a word has bits, and with nothing literal at the ends.
        let long = format!("{{,x}}{}{pattern}", "{y,}".repeat(20));
        prop_assert_eq!(glob(&long).is_match(&text), expected);
        let fixed = format!("{}{pattern}", "{x,y}".repeat(20));
        prop_assert_eq!(glob(&fixed).is_match(&format!("{}{text}", "xy".repeat(10))), expected);
    }

    #[test]
    fn no_folder_with_a_match_is_passed_by(
        pattern in patterns(vec!["a", "b", "/", "/", "*", "**", "?", "@", "r1", "/-/", "task", "/@/task/", "[!a]", "+", "[@+]"]),
        of in refs(),
    ) {
        let pattern = glob(&pattern);
        if pattern.is_match(of.as_str()) {
            prop_assert!(of.as_str().starts_with(pattern.literal_prefix()));
            prop_assert!(pattern.may_match_below(""), "{} {}", pattern, of);
            let ends = of.as_str().match_indices('/').map(|(at, _)| at).chain([of.as_str().len()]);
            for end in ends {
                prop_assert!(pattern.may_match_below(&of.as_str()[..end]), "{} {} {}", pattern, of, end);
            }
        }
    }

    #[test]
    fn the_grammar_takes_every_ref_and_little_else(segments in prop::collection::vec(prop::sample::select(SEGMENTS), 1..8)) {
        let text = segments.join("/");
        let taken = super::grammar::run(super::grammar::START, &text).is_some_and(super::grammar::is_ref);
        let parsed = text.parse::<Ref>().is_ok_and(|of| of.as_str() == text);
        prop_assert_eq!(taken, parsed, "{}", text);
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error_inside_it(text in "\\PC{0,12}", wild in "[\\[\\]{}*?,!\\\\a/-]{0,12}") {
        for text in [text, wild] {
            match Glob::new(&text) {
                Ok(pattern) => { let _ = (pattern.is_match(&text), pattern.may_match_below(&text)); }
                Err(error) => prop_assert!(text[error.offset..].chars().next().is_some()),
            }
        }
    }
}
