use super::*;

#[test]
fn the_dialect() {
    check_prints(
        r#"
for i in [1, 2]:
    if i == 2:
        print("top", i)
x = 1
x = 2
print(x, len(set([1, 1, 2])), "%s-%d" % ("a", 3), "{}/{b}".format("x", b="y"))
print("""two
lines""")
print(1, 2, 3, sep="-")
print(struct(a=1).a, [y * 2 for y in range(3)], {"a": 1} | {"b": 2})
load("./l.star", "late")
print(late)
def f(*args, k=1, **kw): return (args, k, kw)
print(f(1, k=2, z=3))
print(type(f), dir(struct(a=1)), hasattr(struct(a=1), "a"), getattr(struct(a=1), "b", 3))
print("a,b".split(","), 7 // 2, 7 % 2, 1 << 70, "x" * 3, [0] * 2, sorted([2, 1], reverse=True))
-- l.star --
late = "loaded"
"#,
        &[
            "top 2",
            "2 2 a-3 x/y",
            "two\nlines",
            "1-2-3",
            "1 [0, 2, 4] {\"a\": 1, \"b\": 2}",
            "loaded",
            "((1,), 2, {\"z\": 3})",
            "function [\"a\"] True 3",
            "[\"a\", \"b\"] 3 1 1180591620717411303424 xxx [0, 0] [2, 1]",
        ],
    );
}

#[test]
fn str_follows_the_specification() {
    for (value, expected) in [
        ("1.0", "1.0"),
        ("1e20", "1e+20"),
        ("123456789.5", "1.234567895e+08"),
        ("0.1", "0.1"),
        ("[1.0, 'a', None, True]", "[1.0, \"a\", None, True]"),
        ("{'b': 1, 'a': (1,)}", "{\"b\": 1, \"a\": (1,)}"),
        ("(1, 2)", "(1, 2)"),
        ("'text'", "text"),
        ("struct(a=1.5, b='x')", "struct(a = 1.5, b = \"x\")"),
        ("[]", "[]"),
        ("True", "True"),
    ] {
        check_prints(&format!("print(str({value}))"), &[expected]);
        check_prints(&format!("print({value})"), &[expected]);
    }
    check_prints("x = []\nx.append(x)\nprint(len(str(x)) > 10)", &["True"]);
    check_prints("print(repr('a\\n'))", &["\"a\\n\""]);
}

#[test]
fn json_both_ways() {
    for (call, expected) in [
        (
            "json.encode({'b': 1, 'a': [1.0, None, True, 'x', (1, 2)]})",
            r#"{"a":[1.0,null,true,"x",[1,2]],"b":1}"#,
        ),
        ("json.encode(struct(z=1, y={}))", r#"{"y":{},"z":1}"#),
        ("json.encode(18446744073709551616)", "18446744073709551616"),
        (
            "json.encode(environments()[0])",
            r#"{"attributes":{"type":"production-type"},"name":"production"}"#,
        ),
        ("json.encode(set([1, 2]))", "[1,2]"),
        ("json.encode(range(3))", "[0,1,2]"),
        ("json.decode('{\"b\": 1, \"a\": 1.0}')", r#"{"a": 1.0, "b": 1}"#),
        ("json.decode('18446744073709551617') + 1", "18446744073709551618"),
        ("json.decode('-18446744073709551617')", "-18446744073709551617"),
        ("json.decode('1e999')", "+inf"),
        ("json.decode('nope', default=4)", "4"),
        ("json.decode('nope', default=None)", "None"),
        ("json.indent('{\"a\":[1]}')", "{\n\t\"a\": [\n\t\t1\n\t]\n}"),
        ("json.indent('[1]', prefix='> ', indent='  ')", "[\n>   1\n> ]"),
    ] {
        check_prints(&format!("print({call})"), &[expected]);
    }
    check_prints(
        "json.decode('nope')",
        &["release.ocu.star:1:1 json.decode: expected ident at line 1 column 2"],
    );
    check_prints(
        "x = []\nx.append(x)\njson.encode(x)",
        &["release.ocu.star:3:1 a value is nested more than 100 deep, or holds itself"],
    );
}

#[test]
fn helpers() {
    check_prints("print(unwrap({'a': 1}, 'a'))", &["1"]);
    check_prints("unwrap({'a': 1}, 'b')", &["release.ocu.star:1:1 there is no \"b\" in it"]);
    check_prints(
        "print(normalizeHeaders({'content-type': 'a', 'X-y': ['b', 'c']}))",
        &["{\"Content-Type\": [\"a\"], \"X-Y\": [\"b\", \"c\"]}"],
    );
    check_prints("def f(a):\n    b = [a]\n    debug_break()\nf(1)", &["a = 1", "b = [1]"]);
    check_prints("print(outputs(a=1))", &["{\"outputs\": {\"a\": 1}}"]);
    check_prints("print(ref('./custom/x'))", &["{\"ref\": \"g/o/r/-/release.ocu.star/@r4/custom/x\"}"]);
}

#[test]
fn loading() {
    check_prints(
        r#"
-- a/b/release.ocu.star --
load("./x.star", "x")
load("../x.star", up="x")
load("//x.star", root="x")
load("y.star", "y")
print(x, up, root, y)
-- a/b/x.star --
x = "b"
-- a/x.star --
load("./sub/x.star", "sub")
x = "a" + sub
-- a/sub/x.star --
sub = "/sub"
-- x.star --
x = "root"
-- a/b/y.star --
y = 4
"#,
        &["b a/sub root 4"],
    );
    // Evaluated once, whatever it is called.
    check_prints(
        "load('./x.star', 'x')\nload('//x.star', y='x')\n-- x.star --\nprint('once')\nx = 1",
        &["once"],
    );
}
