use super::*;

#[test]
fn shell() {
    let mut fixture = Fixture::new(
        r#"
r = shell("echo hi")
print(r.stdout, r.stderr, r.combined_output, r.exit_code)
host.shell("x", shell="bash", dir="sub", env={"A": "b", "N": 1}, mute=True, continue_on_error=True)
"#,
    );
    fixture.host.shell = ShellOutput {
        stdout: "hi\n".to_owned(),
        stderr: "e".to_owned(),
        combined_output: "hi\ne".to_owned(),
        exit_code: 0,
    };
    fixture.evaluate().unwrap();
    assert_eq!(
        fixture.host.asked(),
        [
            r#"sh -c "echo hi" in . with {} mute false"#,
            r#"bash -c "x" in sub with {"A": "b", "N": "1"} mute true"#
        ]
    );
    assert_eq!(fixture.printed(), ["hi\n e hi\ne 0"]);

    for (call, expected) in [
        ("shell('false')", "release.ocu.star:1:1 command exited with code 3: false"),
        ("shell('false', mute=True)", "release.ocu.star:1:1 command exited with code 3: false\nwhy"),
        ("shell('missing')", "release.ocu.star:1:1 no shell"),
        ("shell('x', env={1: 'a'})", "release.ocu.star:1:1 `1` cannot name a variable"),
        ("shell('x', env={'A': []})", "release.ocu.star:1:1 variable `A` is a string, not `list`"),
        ("shell('x', continue_on_error=True)", ""),
    ] {
        let mut fixture = Fixture::new(call);
        fixture.host.shell =
            ShellOutput { combined_output: "why\n".to_owned(), exit_code: 3, ..ShellOutput::default() };
        let found = fixture.evaluate().err().map(|problems| problems_of(&problems)).unwrap_or_default();
        assert_eq!(found, expected, "{call}");
    }
}

#[test]
fn files_and_platform() {
    let fixture = Fixture::new(
        r#"
-- web/release.ocu.star --
print(os(), arch(), env()["HOME"], pwd(), host.os(), host.arch(), host.pwd(), host.env() == env())
print(read("a.txt").strip(), host.read_file("../b.txt").strip(), read_dir("."), host.read_dir(".."))
print(is_dir("sub"), is_dir("nope"), host.is_dir("a.txt"))
write("out/x", "1")
host.write_file("y", "2")
-- web/a.txt --
A
-- b.txt --
B
-- web/sub/c.txt --
C
"#,
    );
    fixture.evaluate().unwrap();
    assert_eq!(
        fixture.printed(),
        [
            "linux amd64 /home/me /web linux amd64 /web True",
            r#"A B ["a.txt", "release.ocu.star", "sub"] ["b.txt", "web"]"#,
            "True False False"
        ]
    );
    assert_eq!(fixture.host.asked(), ["write out/x 1", "write y 2"]);
    check_prints("read('nope')", &["release.ocu.star:1:1 there is no file `nope`"]);
}

#[test]
fn http() {
    let fixture = Fixture::new(
        r#"
r = http.get("http://h/x")
print(r.status_code, r.status_text, r.headers, r.body)
print(r["status_code"], r["body"], r["headers"]["Content-Type"][0], "body" in r)
http.post(url="u", headers={"A": "b", "C": ["d", "e"]}, body="{}")
http.put("u")
http.patch("u", body="p")
http.head("u")
http.delete("u", {"A": "b"})
print(json.encode(r))
"#,
    );
    fixture.evaluate().unwrap();
    assert_eq!(
        fixture.host.asked(),
        [
            "GET http://h/x {} None",
            r#"POST u {"A": ["b"], "C": ["d", "e"]} Some("{}")"#,
            r#"PUT u {} Some("")"#,
            r#"PATCH u {} Some("p")"#,
            "HEAD u {} None",
            r#"DELETE u {"A": ["b"]} None"#
        ]
    );
    assert_eq!(
        fixture.printed(),
        [
            r#"404 404 Not Found {"Content-Type": ["text/plain"]} nothing"#,
            "404 nothing text/plain True",
            r#"{"body":"nothing","headers":{"Content-Type":["text/plain"]},"status_code":404,"status_text":"404 Not Found"}"#
        ]
    );
    check_prints("http.get('u')['nope']", &["release.ocu.star:1:1 Key `\"nope\"` was not found"]);
    check_prints(
        "http.get('u', {'A': 1})",
        &["release.ocu.star:1:1 header `A` is a string or a list of strings"],
    );
}

#[test]
fn the_pure_host_refuses_effects() {
    for (call, name) in [("shell('x')", "shell"), ("write('a', 'b')", "write"), ("http.get('u')", "http")] {
        let host = PureHost::new([("release.ocu.star", call)]);
        let base = "g/-/release.ocu.star/@r1".parse().unwrap();
        let problems =
            Program::evaluate("release.ocu.star", FileKind::Release, &base, &host, &Limits::default())
                .unwrap_err();
        assert_eq!(
            problems.0[0].message,
            format!("`{name}` is not available here: this evaluation runs nothing")
        );
    }
}
