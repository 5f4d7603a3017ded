//! The traces of the real binary, as a collector receives them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

const REPO: &str = r#"
ocuroot("0.3.0")
repo_alias("shop")
store.set(store.fs("./.store/state"), intent = store.fs("./.store/intent"))
"#;

const ENVIRONMENTS: &str = r#"
ocuroot("0.3.0")
register_environment(environment("staging", {}))
"#;

/// Builds and deploys, and prints what no trace may hold. A part waits for what never comes.
const RELEASE: &str = r#"
ocuroot("0.3.0")

def build():
    print("hunter2")
    return done(outputs = {"password": "hunter2"})

def up(environment, password):
    return done()

def down(environment, password):
    return done()

def approve(approval):
    return done()

phase("build", tasks = [task(build, name = "build")])
phase("deploy", tasks = [
    deploy(e, up = up, down = down, inputs = {"password": input(ref = "./task/build#output/password")})
    for e in environments()
])
phase("approve", tasks = [task(approve, name = "approve", inputs = {"approval": input(ref = "./custom/approval")})])
"#;

const BROKEN: &str = r#"
ocuroot("0.3.0")

def build():
    fail("hunter2")

phase("build", tasks = [task(build, name = "build")])
"#;

/// A repo with one commit.
fn repo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("repo.ocu.star", REPO),
        ("environments.ocu.star", ENVIRONMENTS),
        ("web.ocu.star", RELEASE),
        ("broken.ocu.star", BROKEN),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "hunter2"],
    ] {
        assert!(Command::new("git").current_dir(&folder).args(arguments).status().unwrap().success());
    }
    folder
}

/// Runs the binary with nothing but `variables` of what this is about.
fn ocuroot(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocuroot"));
    command.current_dir(folder).args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OTEL_") || name == "ENABLE_OTEL" {
            command.env_remove(name);
        }
    }
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A request that a collector got.
struct Asked {
    /// The first line and the headers, in lower case.
    head: String,
    body: ExportTraceServiceRequest,
}

/// Takes requests until [`Collector::stop`], and answers each with `status`.
struct Collector {
    endpoint: String,
    thread: JoinHandle<Vec<Asked>>,
}

impl Collector {
    fn start(status: &'static str) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for stream in listener.incoming() {
                match take(stream.unwrap(), status) {
                    Some(request) => asked.push(request),
                    None => break,
                }
            }
            asked
        });
        Collector { endpoint, thread }
    }

    /// What it got: the process that was to send has ended.
    fn stop(self) -> Vec<Asked> {
        // A connection that says nothing.
        drop(TcpStream::connect(self.endpoint.trim_start_matches("http://")).unwrap());
        self.thread.join().unwrap()
    }
}

fn take(stream: TcpStream, status: &str) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("hunter2"), "a secret has left");
    Some(Asked { head, body: ExportTraceServiceRequest::decode(body.as_slice()).unwrap() })
}

fn spans(asked: &[Asked]) -> Vec<&Span> {
    let resources = asked.iter().flat_map(|asked| &asked.body.resource_spans);
    resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).collect()
}

fn service(asked: &[Asked]) -> String {
    let resource = asked[0].body.resource_spans[0].resource.as_ref().unwrap();
    attribute(&resource.attributes, "service.name").unwrap()
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

/// A tree of spans: each with its name, its attributes but the process's id, and what is below.
fn tree(spans: &[&Span], parent: &[u8], indent: &str) -> String {
    let mut below: Vec<&&Span> = spans.iter().filter(|span| span.parent_span_id == parent).collect();
    below.sort_by(|one, other| one.name.cmp(&other.name));
    let mut text = String::new();
    for span in below {
        let failed = span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
        text.push_str(&format!("{indent}{}{}\n", span.name, if failed { " FAILED" } else { "" }));
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{}", span.name);
        let mut keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        keys.sort_unstable();
        for key in keys.into_iter().filter(|key| *key != "process.pid") {
            let value = attribute(&span.attributes, key).unwrap();
            text.push_str(&format!("{indent}- {key}={value}\n"));
        }
        text.push_str(&tree(spans, &span.span_id, &format!("{indent}    ")));
    }
    text
}

fn same(found: &str, expected: &str) {
    assert!(found.trim() == expected.trim(), "found:\n{found}\nexpected:\n{expected}");
}

#[test]
fn a_release_is_a_tree_of_spans() {
    let repo = repo();
    let plain = ocuroot(repo.path(), &["release", "new", "environments.ocu.star"], &[]);
    assert!(plain.status.success(), "{}", stderr(&plain));
    let commit = Command::new("git").current_dir(&repo).args(["rev-parse", "HEAD"]).output().unwrap();
    let commit = String::from_utf8(commit.stdout).unwrap();

    let collector = Collector::start("200 OK");
    let output = ocuroot(
        repo.path(),
        &["release", "new", "web.ocu.star"],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc,x-other=d%20e"),
        ],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("traces"), "{}", stderr(&output));

    let asked = collector.stop();
    for asked in &asked {
        assert!(asked.head.starts_with("post /v1/traces http/1.1\r\n"), "{}", asked.head);
        assert!(asked.head.contains("\r\nx-key: abc\r\n"), "{}", asked.head);
        assert!(asked.head.contains("\r\nx-other: d e\r\n"), "{}", asked.head);
        assert!(asked.head.contains("\r\ncontent-type: application/x-protobuf\r\n"), "{}", asked.head);
    }
    assert_eq!(service(&asked), "ocuroot");
    let spans = spans(&asked);
    assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id));
    let expected = r"
ocuroot release new
- process.executable.name=ocuroot
- process.exit.code=0
    RUN shop/-/web.ocu.star
    - cicd.pipeline.action.name=RUN
    - cicd.pipeline.name=shop/-/web.ocu.star
    - cicd.pipeline.run.id=shop/-/web.ocu.star/@r1
    - cicd.pipeline.run.state=pending
    - ocuroot.status=paused
    - vcs.ref.head.revision=COMMIT
        deploy/staging
        - cicd.pipeline.name=shop/-/web.ocu.star
        - cicd.pipeline.run.id=shop/-/web.ocu.star/@r1
        - cicd.pipeline.task.name=deploy/staging
        - cicd.pipeline.task.run.result=success
        - cicd.pipeline.task.type=deploy
        - deployment.environment.name=staging
        - ocuroot.status=complete
            RUN deploy/staging
            - cicd.pipeline.name=shop/-/web.ocu.star
            - cicd.pipeline.run.id=shop/-/web.ocu.star/@r1
            - cicd.pipeline.task.name=deploy/staging
            - cicd.pipeline.task.run.id=shop/-/web.ocu.star/@r1/deploy/staging/1
            - cicd.pipeline.task.run.result=success
            - cicd.pipeline.task.type=deploy
            - code.function.name=up
            - deployment.environment.name=staging
            - ocuroot.status=complete
        task/build
        - cicd.pipeline.name=shop/-/web.ocu.star
        - cicd.pipeline.run.id=shop/-/web.ocu.star/@r1
        - cicd.pipeline.task.name=task/build
        - cicd.pipeline.task.run.result=success
        - cicd.pipeline.task.type=build
        - ocuroot.status=complete
            RUN task/build
            - cicd.pipeline.name=shop/-/web.ocu.star
            - cicd.pipeline.run.id=shop/-/web.ocu.star/@r1
            - cicd.pipeline.task.name=task/build
            - cicd.pipeline.task.run.id=shop/-/web.ocu.star/@r1/task/build/1
            - cicd.pipeline.task.run.result=success
            - cicd.pipeline.task.type=build
            - code.function.name=build
            - ocuroot.status=complete
";
    same(&tree(&spans, &[], ""), &expected.replace("COMMIT", commit.trim()));
}

#[test]
fn what_fails_is_marked_and_not_explained() {
    let repo = repo();
    let collector = Collector::start("200 OK");
    let output = ocuroot(
        repo.path(),
        &["release", "new", "broken.ocu.star"],
        &[
            ("ENABLE_OTEL", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/here", collector.endpoint)),
            ("OTEL_SERVICE_NAME", "shop"),
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let asked = collector.stop();
    assert!(asked.iter().all(|asked| asked.head.starts_with("post /here http/1.1\r\n")));
    assert_eq!(service(&asked), "shop");
    let spans = spans(&asked);
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for (name, key, value) in [
        ("ocuroot release new", "process.exit.code", "1"),
        ("RUN shop/-/broken.ocu.star", "cicd.pipeline.result", "failure"),
        ("task/build", "cicd.pipeline.task.run.result", "failure"),
        ("RUN task/build", "cicd.pipeline.task.run.result", "failure"),
    ] {
        let span = named(name);
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(value), "{name}");
        assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error, "{name}");
        assert_eq!(span.status.as_ref().unwrap().message, "", "{name}");
    }
}

#[test]
fn commands_without_releases_have_a_span_too() {
    let repo = repo();
    let collector = Collector::start("200 OK");
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str())];
    assert!(ocuroot(repo.path(), &["state", "match"], &endpoint).status.success());
    assert_eq!(ocuroot(repo.path(), &["state", "get", "@/custom/none"], &endpoint).status.code(), Some(1));
    let disabled = [endpoint[0], ("OTEL_SDK_DISABLED", "true")];
    assert!(ocuroot(repo.path(), &["version"], &disabled).status.success());
    // Endpoints are no use unless traces are asked for.
    let unasked = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.endpoint.as_str())];
    assert!(ocuroot(repo.path(), &["version"], &unasked).status.success());
    let asked = collector.stop();
    let spans = spans(&asked);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["ocuroot state match", "ocuroot state get"]);
    assert_eq!(attribute(&spans[1].attributes, "process.exit.code").as_deref(), Some("1"));
}

/// Two commands, of which one fails by itself, end as they would without traces and say one line.
#[track_caller]
fn one_line(variables: &[(&str, &str)], expected: &str) {
    let repo = repo();
    for arguments in [&["version"][..], &["release", "new", "broken.ocu.star"]] {
        let plain = ocuroot(self::repo().path(), arguments, &[]);
        let output = ocuroot(repo.path(), arguments, variables);
        assert_eq!(output.status.code(), plain.status.code(), "{}", stderr(&output));
        assert_eq!(output.stdout, plain.stdout);
        let text = stderr(&output);
        let about: Vec<&str> = text.lines().filter(|line| line.contains("traces")).collect();
        assert_eq!(about, [expected], "{text}");
        assert_eq!(text.lines().count(), stderr(&plain).lines().count() + 1, "{text}");
    }
}

#[test]
fn a_closed_port_is_one_line() {
    // Bound once and given back: nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let expected =
        format!("warning: not all traces were sent: http://{closed}/v1/traces: connection refused");
    let endpoint = format!("http://me:hunter2@{closed}");
    one_line(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)], &expected);
}

#[test]
fn a_refusal_is_one_line() {
    let collector = Collector::start("401 Unauthorized");
    let expected = format!(
        "warning: not all traces were sent: {}/v1/traces answers 401 Unauthorized",
        collector.endpoint
    );
    one_line(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)], &expected);
    collector.stop();
}

#[test]
fn an_endpoint_that_is_none_is_one_line() {
    let expected = "warning: no traces are sent: check OTEL_EXPORTER_OTLP_ENDPOINT, which has to be a URL, \
                    and OTEL_EXPORTER_OTLP_COMPRESSION, which has to be unset";
    one_line(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@ :x")], expected);
}

#[test]
fn a_collector_that_never_answers_does_not_hold_the_process() {
    // The kernel accepts connections; nobody reads from them until the process has ended.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let expected = format!("warning: not all traces were sent: {endpoint}/v1/traces does not answer");
    one_line(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)], &expected);
    drop(silent);
}
