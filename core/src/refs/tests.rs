//! Every row and sentence of the specification of refs, as tables.

use super::{Kind, Marker, Ref, RefErrorKind as E};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};

fn parsed(text: &str) -> Ref {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What a ref consists of: repo, path, marker and release, type, subpath, fragment.
type Parts<'a> =
    (Option<&'a str>, &'a str, Option<(Marker, &'a str)>, Option<Kind>, &'a str, Option<&'a str>);

fn parts(of: &Ref) -> Parts<'_> {
    (of.repo(), of.path(), of.marker().zip(of.release()), of.kind(), of.subpath(), of.fragment())
}

#[test]
fn spellings() {
    use Kind::*;
    let state = |release| Some((Marker::State, release));
    let intent = |release| Some((Marker::Intent, release));
    let (none, r, dot) = (None, Some("github.com/o/r"), Some("."));
    #[rustfmt::skip]
    let table: &[(&str, Parts, &str)] = &[
        // the table of the specification
        ("", (none, "", None, None, "", None), ""),
        ("github.com/o/r/-/p/@/deploy/prod#output/host", (r, "p", state(""), Some(Deploy), "prod", Some("output/host")), "github.com/o/r/-/p/@/deploy/prod#output/host"),
        ("github.com/o/r/-/", (r, "", None, None, "", None), "github.com/o/r/-"),
        ("github.com/o/r/-", (r, "", None, None, "", None), "github.com/o/r/-"),
        ("github.com/o/r/-/@v1", (r, "", state("v1"), None, "", None), "github.com/o/r/-/@v1"),
        ("path/to/package", (none, "path/to/package", None, None, "", None), "path/to/package"),
        ("frontend/@", (none, "frontend", state(""), None, "", None), "frontend/@"),
        ("./-/p", (dot, "p", None, None, "", None), "./-/p"),
        ("//p", (dot, "p", None, None, "", None), "./-/p"),
        ("./@/task/build", (none, ".", state(""), Some(Task), "build", None), "./@/task/build"),
        ("./task/build#output/x", (none, ".", None, Some(Task), "build", Some("output/x")), "./task/build#output/x"),
        (".../@/call/build/", (none, "...", state(""), Some(Task), "build", None), ".../@/task/build"),
        (".../@/task/build/#output/x", (none, "...", state(""), Some(Task), "build", Some("output/x")), ".../@/task/build#output/x"),
        ("+/environment/prod", (none, "", intent(""), Some(Environment), "prod", None), "+/environment/prod"),
        ("a/-/p/+r3/custom/ok", (Some("a"), "p", intent("r3"), Some(Custom), "ok", None), "a/-/p/+r3/custom/ok"),
        // the examples of the parts
        ("@/environment/production", (none, "", state(""), Some(Environment), "production", None), "@/environment/production"),
        ("+/custom/freeze", (none, "", intent(""), Some(Custom), "freeze", None), "+/custom/freeze"),
        ("@commitid", (none, "", state("commitid"), None, "", None), "@commitid"),
        ("@", (none, "", state(""), None, "", None), "@"),
        ("+", (none, "", intent(""), None, "", None), "+"),
        ("minimal/repo/-/frontend/release.ocu.star/@0.1.0-1/deploy/production/3/status/complete", (Some("minimal/repo"), "frontend/release.ocu.star", state("0.1.0-1"), Some(Deploy), "production/3/status/complete", None), "minimal/repo/-/frontend/release.ocu.star/@0.1.0-1/deploy/production/3/status/complete"),
        ("p/@/commit/abc", (none, "p", state(""), Some(Commit), "abc", None), "p/@/commit/abc"),
        ("@/push/intent_commit", (none, "", state(""), Some(Push), "intent_commit", None), "@/push/intent_commit"),
        ("p/@r1/op/destroy", (none, "p", state("r1"), Some(Op), "destroy", None), "p/@r1/op/destroy"),
        // allowed characters
        ("libs/c++/x", (none, "libs/c++/x", None, None, "", None), "libs/c++/x"),
        ("@/custom/me@x.org", (none, "", state(""), Some(Custom), "me@x.org", None), "@/custom/me@x.org"),
        ("@/custom/+1", (none, "", state(""), Some(Custom), "+1", None), "@/custom/+1"),
        ("./@*/task/*/status/complete", (none, ".", state("*"), Some(Task), "*/status/complete", None), "./@*/task/*/status/complete"),
        ("**/-/*/@", (Some("**"), "*", state(""), None, "", None), "**/-/*/@"),
        ("a=b/-/c=d/@e=f", (Some("a=b"), "c=d", state("e=f"), None, "", None), "a=b/-/c=d/@e=f"),
        ("a/-/-b/@", (Some("a"), "-b", state(""), None, "", None), "a/-/-b/@"),
        ("-b/..c/.d", (none, "-b/..c/.d", None, None, "", None), "-b/..c/.d"),
        ("p q/@/custom/a b", (none, "p q", state(""), Some(Custom), "a b", None), "p q/@/custom/a b"),
        ("größe/@ü/custom/日本#é", (none, "größe", state("ü"), Some(Custom), "日本", Some("é")), "größe/@ü/custom/日本#é"),
        // releases
        ("p/@r0", (none, "p", state("r0"), None, "", None), "p/@r0"),
        ("p/@1.0+build", (none, "p", state("1.0+build"), None, "", None), "p/@1.0+build"),
        ("p/@..", (none, "p", state(".."), None, "", None), "p/@.."),
        // one trailing slash is dropped anywhere
        ("p/@/", (none, "p", state(""), None, "", None), "p/@"),
        ("@/", (none, "", state(""), None, "", None), "@"),
        ("p/", (none, "p", None, None, "", None), "p"),
        ("//p/", (dot, "p", None, None, "", None), "./-/p"),
        ("p#a/", (none, "p", None, None, "", Some("a")), "p#a"),
        ("//a/#b/", (dot, "a", None, None, "", Some("b")), "./-/a#b"),
        ("p/#a/", (none, "p", None, None, "", Some("a")), "p#a"),
        // a leading `./`, and the root of the current repo
        ("./p", (none, "p", None, None, "", None), "p"),
        ("./p/@r1/call/b", (none, "p", state("r1"), Some(Task), "b", None), "p/@r1/task/b"),
        ("./p/task/build", (none, "p/task/build", None, None, "", None), "p/task/build"),
        ("./call/build", (none, ".", None, Some(Task), "build", None), "./task/build"),
        ("./custom/+x", (none, ".", None, Some(Custom), "+x", None), "./custom/+x"),
        ("./@v3", (none, ".", state("v3"), None, "", None), "./@v3"),
        ("./+v3", (none, ".", intent("v3"), None, "", None), "./+v3"),
        ("./", (none, ".", None, None, "", None), "."),
        (".", (none, ".", None, None, "", None), "."),
        (".#a", (none, ".", None, None, "", Some("a")), ".#a"),
        ("./-", (dot, "", None, None, "", None), "./-"),
        ("./-/", (dot, "", None, None, "", None), "./-"),
        ("./-/@v1/call/b", (dot, "", state("v1"), Some(Task), "b", None), "./-/@v1/task/b"),
        ("//@v1/call/b#x", (dot, "", state("v1"), Some(Task), "b", Some("x")), "./-/@v1/task/b#x"),
        ("call/build", (none, "call/build", None, None, "", None), "call/build"),
        ("a/-/call/@/call/call", (Some("a"), "call", state(""), Some(Task), "call", None), "a/-/call/@/task/call"),
        // the first `#` starts the fragment; later ones belong to it
        ("#a", (none, "", None, None, "", Some("a")), "#a"),
        ("p#a#b", (none, "p", None, None, "", Some("a#b")), "p#a#b"),
        ("p/@r#1/task/x", (none, "p", state("r"), None, "", Some("1/task/x")), "p/@r#1/task/x"),
        ("p#a=b/c@d", (none, "p", None, None, "", Some("a=b/c@d")), "p#a=b/c@d"),
        ("p#a//b", (none, "p", None, None, "", Some("a//b")), "p#a//b"),
        ("p#", (none, "p", None, None, "", None), "p"),
        ("p#/", (none, "p", None, None, "", None), "p"),
    ];
    for (input, expected, canonical) in table {
        let read = parsed(input);
        assert_eq!(&parts(&read), expected, "{input}");
        assert_eq!(read.to_string(), *canonical, "{input}");
        let again = parsed(canonical);
        assert_eq!(parts(&again), *expected, "again: {input}");
        assert_eq!((again.as_str(), &again), (*canonical, &read), "again: {input}");
    }
}

#[test]
fn refusals() {
    let long = "x".repeat(256);
    let long_release = format!("p/@{}", "x".repeat(255));
    let longest = format!("{}x", "x/".repeat(2048));
    let rooted = format!("//{}xx", "x/".repeat(2046));
    #[rustfmt::skip]
    let table: &[(&str, E, usize, &str)] = &[
        ("a/-/p/@/invalid/x", E::UnknownType, 8, "invalid"),
        ("a/-/p/@/Task/x", E::UnknownType, 8, "Task"),
        ("@/frontend/@/task/x", E::UnknownType, 2, "frontend"),
        ("repo.git/package@/deploy/x", E::AtInPath, 9, "package@"),
        ("re@po/-/p", E::AtInPath, 0, "re@po"),
        ("git@github.com:o/r", E::AtInPath, 0, "git@github.com:o"),
        ("p/@/task/@x", E::LeadingAt, 9, "@x"),
        ("p/@/task/a/@", E::LeadingAt, 11, "@"),
        ("./task/@x", E::LeadingAt, 7, "@x"),
        ("p#a/@b", E::LeadingAt, 4, "@b"),
        ("p/@/custom/a=b", E::EqualsSign, 11, "a=b"),
        ("../p", E::ParentSegment, 0, ".."),
        ("a/../b", E::ParentSegment, 2, ".."),
        ("a/-/../b", E::ParentSegment, 4, ".."),
        ("./../b", E::ParentSegment, 2, ".."),
        ("//..", E::ParentSegment, 2, ".."),
        ("p/@/task/..", E::ParentSegment, 9, ".."),
        ("p/@/..", E::ParentSegment, 4, ".."),
        ("p#../x", E::ParentSegment, 2, ".."),
        ("a//b", E::EmptySegment, 2, ""),
        ("///a", E::EmptySegment, 2, ""),
        (".//a", E::EmptySegment, 2, ""),
        ("a/-//b", E::EmptySegment, 4, ""),
        ("p/@//task/x", E::EmptySegment, 4, ""),
        ("p/@/task//x", E::EmptySegment, 9, ""),
        ("a\0b", E::ControlCharacter, 1, "\0"),
        ("a/b\n", E::ControlCharacter, 3, "\n"),
        ("a#\u{7f}", E::ControlCharacter, 2, "\u{7f}"),
        ("é/\u{85}", E::ControlCharacter, 3, "\u{85}"),
        ("a\\b", E::Backslash, 1, "\\"),
        ("p/@/task/a\\..", E::Backslash, 10, "\\"),
        (&long, E::SegmentTooLong, 0, ""),
        (&long_release, E::SegmentTooLong, 2, ""),
        (&longest, E::TooLong, 0, ""),
        (&rooted, E::TooLong, 0, ""),
        ("@/-/p", E::GlobalPath, 2, "-"),
        ("@r1/custom/a/-/p", E::GlobalPath, 13, "-"),
        ("+r1/-/p", E::GlobalPath, 4, "-"),
        ("a/-/b/-/c", E::DashSegment, 6, "-"),
        ("a/@/task/-", E::DashSegment, 9, "-"),
        ("a/@/task/x/-/y", E::DashSegment, 11, "-"),
        ("-/p", E::DashSegment, 0, "-"),
        ("-", E::DashSegment, 0, "-"),
        ("//-/p", E::DashSegment, 2, "-"),
        ("p#a/-", E::DashSegment, 4, "-"),
        ("a/./b", E::DotSegment, 2, "."),
        ("././b", E::DotSegment, 2, "."),
        ("//./b", E::DotSegment, 2, "."),
        ("./a/-/b", E::DotSegment, 0, "."),
        ("a/-/./@", E::DotSegment, 4, "."),
        ("a/.", E::DotSegment, 2, "."),
        ("p/@/task/.", E::DotSegment, 9, "."),
        ("p#.", E::DotSegment, 2, "."),
        ("/p", E::LeadingSlash, 0, "/"),
        ("/", E::LeadingSlash, 0, "/"),
        ("/-/p", E::LeadingSlash, 0, "/"),
        ("https://github.com/o/r", E::Scheme, 0, "https://"),
        ("git+ssh://git@h/o/r", E::Scheme, 0, "git+ssh://"),
        ("https://", E::Scheme, 0, "https://"),
        ("p/@@", E::TwoMarkers, 2, "@@"),
        ("p/+@", E::TwoMarkers, 2, "+@"),
        ("p/@+", E::TwoMarkers, 2, "@+"),
        ("p/@r1@r2", E::TwoMarkers, 2, "@r1@r2"),
        ("p/@r1/@r2", E::TwoMarkers, 6, "@r2"),
        ("p/@/+r2/task/x", E::TwoMarkers, 4, "+r2"),
        ("p/@r 1", E::SpaceInRelease, 2, "@r 1"),
        ("p/@r\u{a0}1/task/x", E::SpaceInRelease, 2, "@r\u{a0}1"),
        ("p//", E::TrailingSlashes, 1, "//"),
        ("p/@//", E::TrailingSlashes, 3, "//"),
        ("p///", E::TrailingSlashes, 1, "///"),
        ("//", E::TrailingSlashes, 0, "//"),
        ("p//#a", E::TrailingSlashes, 1, "//"),
        ("p#a//", E::TrailingSlashes, 3, "//"),
        ("p/@/task/", E::MissingSubpath, 4, "task"),
        ("p/@/task", E::MissingSubpath, 4, "task"),
        ("p/@/call#x", E::MissingSubpath, 4, "call"),
        ("./task", E::MissingSubpath, 2, "task"),
    ];
    for (input, kind, offset, part) in table {
        let error = match input.parse::<Ref>() {
            Err(error) => error,
            Ok(read) => panic!("{input} was read as {read:?}"),
        };
        assert_eq!((error.kind, error.offset), (*kind, *offset), "{input}: {error}");
        if !part.is_empty() {
            assert_eq!(error.part, *part, "{input}");
        }
        assert!(error.to_string().len() < 700, "{error}");
    }
}

#[test]
fn limits_hold_what_they_say() {
    assert!("x".repeat(255).parse::<Ref>().is_ok());
    assert!(format!("@{}", "x".repeat(254)).parse::<Ref>().is_ok());
    let longest = format!("{}xx", "x/".repeat(2047));
    assert_eq!(longest.len(), Ref::MAX_LEN);
    assert_eq!(parsed(&longest).path(), longest);
}

#[test]
fn errors_tell_what_to_do_and_no_secret() {
    for (input, message) in [
        (
            "a/-/p/@/invalid/x",
            "`invalid` at byte 8 of `a/-/p/@/invalid/x`: unknown type; after the release write one of task, deploy, custom, environment, commit, push, op",
        ),
        (
            "https://me:secret@h/o/r",
            "`https://` at byte 0 of `https://…@h/o/r`: a ref is not a URL; drop the scheme and start with the host",
        ),
        (
            "me:secret@h/o/r",
            "`…@h` at byte 0 of `…@h/o/r`: `@` starts a release, so it stands right after a `/`; write `path/@release`",
        ),
        (
            "a/x:y@b",
            "`x:y@b` at byte 2 of `a/x:y@b`: `@` starts a release, so it stands right after a `/`; write `path/@release`",
        ),
        ("a\nb", "`\\n` at byte 1 of `a\\nb`: a ref holds no control characters; remove it"),
    ] {
        assert_eq!(input.parse::<Ref>().unwrap_err().to_string(), message);
    }
}

#[test]
fn release_numbers() {
    for (input, number) in [
        ("p/@r1", Some(1)),
        ("p/+r10/task/x", Some(10)),
        ("@r18446744073709551615", Some(u64::MAX)),
        ("@r18446744073709551616", None),
        ("p/@r0", None),
        ("p/@r01", None),
        ("p/@r", None),
        ("p/@7", None),
        ("p/@r1a", None),
        ("p/@r+1", None),
        ("p/@", None),
        ("p", None),
        ("p/@R1", None),
    ] {
        assert_eq!(parsed(input).release_number(), number, "{input}");
    }
}

#[test]
fn relative_refs() {
    let base = "g/o/r/-/p/@abc";
    #[rustfmt::skip]
    let table = [
        // the table of the specification
        ("./task/build#output/x", base, "g/o/r/-/p/@abc/task/build#output/x"),
        ("./@/task/build#output/x", base, "g/o/r/-/p/@/task/build#output/x"),
        ("./-/q/@/task/build", base, "g/o/r/-/q/@/task/build"),
        ("./@v3", "m/repo/-/", "m/repo/-/@v3"),
        ("./@v3/task/x", base, "g/o/r/-/p/@v3/task/x"),
        ("b.ocu.star", "m/repo/-/dir", "m/repo/-/dir/b.ocu.star"),
        ("@/environment/prod", base, "@/environment/prod"),
        ("@/environment/prod", "", "@/environment/prod"),
        // complete refs
        ("a/-/p", base, "a/-/p"),
        ("+r1", base, "+r1"),
        // what is missing comes from the base, and only that
        ("q", base, "g/o/r/-/p/q/@abc"),
        ("./q", base, "g/o/r/-/p/q/@abc"),
        ("//q", base, "g/o/r/-/q/@abc"),
        ("./-/", base, "g/o/r/-/@abc"),
        (".", base, base),
        ("", base, base),
        ("#a", base, "g/o/r/-/p/@abc#a"),
        ("./+/custom/ok", base, "g/o/r/-/p/+/custom/ok"),
        ("./task/build", "g/-/p/+r1", "g/-/p/+r1/task/build"),
        ("./task/build", "g/-/p/@r1/deploy/prod#a", "g/-/p/@r1/task/build"),
        ("./task/build", "p/@r1", "p/@r1/task/build"),
        ("q/@", "p/@r1", "p/q/@"),
        ("//q", "p/@r1", "./-/q/@r1"),
        ("q", "./-/p/@r1", "./-/p/q/@r1"),
        ("q/@", "./@r1", "q/@"),
        ("./task/build", "./@r1", "./@r1/task/build"),
        ("#a", "./@r1", "./@r1#a"),
        ("", "./@r1", "./@r1"),
        (".", "m/-/@r1", "m/-/@r1"),
        ("./@", "m/-/@r1", "m/-/@"),
        // a base without a release gives a result without one
        ("./-/q", "g/-/p", "g/-/q"),
        ("./task/build", "g/-/p", "g/-/p/task/build"),
        // an empty or global base has nothing to give
        ("./task/build", "", "./task/build"),
        ("p", "@r1", "p"),
        ("./-/p", "+/environment/prod", "./-/p"),
    ];
    for (of, base, expected) in table {
        let result = parsed(of).relative_to(&parsed(base)).unwrap();
        assert_eq!(result.as_str(), expected, "{of} in {base}");
        assert_eq!(parts(&result), parts(&parsed(expected)), "{of} in {base}");
    }
    let long = parsed(&"x/".repeat(2000));
    assert_eq!(long.relative_to(&long).unwrap_err().kind, E::TooLong);
}

#[test]
fn derived_refs() {
    /// Input, package, release, document, state, intent.
    type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("a/-/p/@r1/task/x/1#o/i", "a/-/p", "a/-/p/@r1", "a/-/p/@r1/task/x/1", "a/-/p/@r1/task/x/1#o/i", "a/-/p/+r1/task/x/1#o/i"),
        ("a/-/p/+/custom/x", "a/-/p", "a/-/p/+", "a/-/p/+/custom/x", "a/-/p/@/custom/x", "a/-/p/+/custom/x"),
        ("a/-/@r1/task/x#o", "a/-", "a/-/@r1", "a/-/@r1/task/x", "a/-/@r1/task/x#o", "a/-/+r1/task/x#o"),
        ("@/task/x#o", "", "@", "@/task/x", "@/task/x#o", "+/task/x#o"),
        ("@r1", "", "@r1", "@r1", "@r1", "+r1"),
        ("./task/x#o", ".", ".", "./task/x", "./task/x#o", "./task/x#o"),
        ("./@/task/x", ".", "./@", "./@/task/x", "./@/task/x", "./+/task/x"),
        ("//p/@", "./-/p", "./-/p/@", "./-/p/@", "./-/p/@", "./-/p/+"),
        ("a/-#o", "a/-", "a/-", "a/-", "a/-#o", "a/-#o"),
        ("p#o", "p", "p", "p", "p#o", "p#o"),
        ("#o", "", "", "", "#o", "#o"),
        ("", "", "", "", "", ""),
    ];
    for &(of, package, release, document, state, intent) in table {
        let of = parsed(of);
        let derived = [of.package(), of.release_ref(), of.document(), of.to_state(), of.to_intent()];
        for (result, expected) in derived.iter().zip([package, release, document, state, intent]) {
            assert_eq!(result.as_str(), expected, "{of}");
            assert_eq!(parts(result), parts(&parsed(expected)), "{of}: {expected}");
        }
    }
}

#[test]
fn changed_refs() {
    for (of, release, expected) in [
        ("a/-/p/@r1/task/x#o", "r2", Ok("a/-/p/@r2/task/x#o")),
        ("a/-/p/+r1/task/x", "", Ok("a/-/p/+/task/x")),
        ("a/-/p", "r2", Ok("a/-/p/@r2")),
        ("a/-#o", "r2", Ok("a/-/@r2#o")),
        ("@/task/x", "r2", Ok("@r2/task/x")),
        ("./task/x", "r2", Ok("./@r2/task/x")),
        ("", "r2", Ok("@r2")),
        ("#o", "r2", Ok("@r2#o")),
        ("p/@", "r2/task/x", Err(E::InvalidRelease)),
        ("p/@", "r2#x", Err(E::InvalidRelease)),
        ("p/@", "@r2", Err(E::TwoMarkers)),
        ("p/@", "r 2", Err(E::SpaceInRelease)),
        ("p/@", "r\n", Err(E::SpaceInRelease)),
        ("p/@", "\0", Err(E::ControlCharacter)),
    ] {
        let result = parsed(of).with_release(release);
        assert_eq!(result.as_ref().map(Ref::as_str).map_err(|error| error.kind), expected, "{of} {release}");
    }
    for (of, fragment, expected) in [
        ("p/@/task/x", "output/a", Ok("p/@/task/x#output/a")),
        ("p#old", "new", Ok("p#new")),
        ("p#old", "", Ok("p")),
        ("", "a", Ok("#a")),
        ("p", "a#b", Ok("p#a#b")),
        ("p", "../a", Err(E::ParentSegment)),
    ] {
        let result = parsed(of).with_fragment(fragment);
        assert_eq!(result.as_ref().map(Ref::as_str).map_err(|error| error.kind), expected, "{of} {fragment}");
    }
    for (of, rest, expected) in [
        ("pkg/@r1", "task/build/1", Ok("pkg/@r1/task/build/1")),
        ("@", "environment/prod", Ok("@/environment/prod")),
        ("pkg/@r1/task/build#out", "1", Ok("pkg/@r1/task/build/1")),
        ("a/-", "p", Ok("a/-/p")),
        ("pkg", "@r1", Ok("pkg/@r1")),
        ("", "pkg", Ok("pkg")),
        ("p/@", "task/x#o", Ok("p/@/task/x#o")),
        ("p/@", "../x", Err(E::ParentSegment)),
        ("p/@", "/task/x", Err(E::EmptySegment)),
    ] {
        let result = parsed(of).child(rest);
        assert_eq!(result.as_ref().map(Ref::as_str).map_err(|error| error.kind), expected, "{of} {rest}");
    }
}

#[test]
fn below() {
    for (of, prefix, expected) in [
        ("a/-/p/@r1/task/x", "a/-/p/@r1", true),
        ("a/-/p/@r1", "a/-/p/@r1", true),
        ("a/-/p/@r12", "a/-/p/@r1", false),
        ("a/-/p/@r1", "a/-/p/@r1/task/x", false),
        ("a/-/p/@r1", "a/-", true),
        ("p/@#a/b", "p/@", true),
        ("p/@#a/b", "p/@#a", true),
        ("p/@#ab", "p/@#a", false),
        ("p/@/task/x", "p/@#a", false),
        ("p/@/task/x", "", true),
        ("", "", true),
    ] {
        assert_eq!(parsed(of).is_below(&parsed(prefix)), expected, "{of} below {prefix}");
    }
}

#[test]
fn segments_of_the_subpath() {
    assert_eq!(
        parsed("p/@/deploy/prod/3/status/complete").segments().collect::<Vec<_>>(),
        ["prod", "3", "status", "complete"]
    );
    assert_eq!(parsed("a/b/@").segments().count(), 0);
}

#[test]
fn kinds() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse::<Kind>(), Ok(kind));
    }
    assert_eq!("call".parse::<Kind>(), Ok(Kind::Task));
    assert_eq!("".parse::<Kind>().unwrap_err().kind, E::UnknownType);
}

#[test]
fn a_ref_is_its_text() {
    let refs = ["p/@r2", "p/@r10", "a/-/p", "@", "p/@r10/task/x"].map(parsed);
    let sorted: BTreeSet<Ref> = refs.iter().cloned().collect();
    let sorted: Vec<&str> = sorted.iter().map(Ref::as_str).collect();
    assert_eq!(sorted, ["@", "a/-/p", "p/@r10", "p/@r10/task/x", "p/@r2"]);
    let hashed: HashSet<Ref> = refs.into_iter().collect();
    assert!(hashed.contains("p/@r10") && !hashed.contains("p/@r1"));

    let json = serde_json::to_string(&parsed("//p/@/call/x")).unwrap();
    assert_eq!(json, r#""./-/p/@/task/x""#);
    assert_eq!(serde_json::from_str::<Ref>(&json).unwrap(), parsed("./-/p/@/task/x"));
    let error = serde_json::from_str::<Ref>(r#""a//b""#).unwrap_err().to_string();
    assert!(error.contains("byte 2 of `a//b`"), "{error}");
}

/// Texts that are often refs, and often nearly.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "a", "b.c", "-", ".", "..", "@", "+", "@r1", "+v2", "task", "call", "deploy", "custom", "x@y", "k=v",
            "", "é", "-b", "...", "@ ", "\\", "c++", "#", "#o", "**",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
        1 => any::<char>().prop_map(String::from),
    ];
    let joint = prop_oneof![9 => Just("/"), 1 => Just("")];
    prop::collection::vec((piece, joint), 0..9)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, joint)| [piece, joint.to_owned()]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parse_print_parse_is_the_identity(text in texts()) {
        if let Ok(read) = text.parse::<Ref>() {
            let again = parsed(read.as_str());
            prop_assert_eq!(again.as_str(), read.as_str());
            prop_assert_eq!(parts(&again), parts(&read));
            for derived in [read.document(), read.package(), read.release_ref(), read.to_state(), read.to_intent()] {
                let again = parsed(derived.as_str());
                prop_assert_eq!(parts(&again), parts(&derived), "{}", derived);
                prop_assert_eq!(again.as_str(), derived.as_str());
            }
        }
    }

    #[test]
    fn nothing_escapes_a_folder(text in texts()) {
        if let Ok(read) = text.parse::<Ref>() {
            let document = read.document();
            prop_assert!(!document.as_str().contains(['\\', '\0']));
            for (number, segment) in document.as_str().split('/').enumerate() {
                prop_assert!(segment != ".." && segment.len() <= 255, "{}", read);
                prop_assert!(!segment.is_empty() || read.document().is_empty(), "{}", read);
                prop_assert!(segment != "." || number == 0, "{}", read);
            }
        }
    }

    #[test]
    fn errors_point_into_the_text(text in texts()) {
        if let Err(error) = text.parse::<Ref>() {
            prop_assert!(text.is_char_boundary(error.offset), "{:?}", error);
            if error.input == text && !error.part.ends_with('…') {
                prop_assert!(text[error.offset..].starts_with(&error.part), "{:?}", error);
            }
        }
    }

    #[test]
    fn relative_refs_are_refs(text in texts(), base in texts()) {
        if let (Ok(of), Ok(base)) = (text.parse::<Ref>(), base.parse::<Ref>()) {
            let result = of.relative_to(&base);
            // Without a release the type and all below it are a path, which may hold less.
            let path = of.kind().is_some() && of.marker().or(base.marker()).is_none();
            prop_assert!(result.is_ok() || path, "{} in {}", of, base);
        }
    }
}
