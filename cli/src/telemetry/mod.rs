//! Traces of what a command does, for whoever collects them over OTLP.
//!
//! With `ENABLE_OTEL` or `OTEL_EXPORTER_OTLP_ENDPOINT` set, a command comes to one tree of spans:
//!
//! ```text
//! ocuroot release new                              the command
//! └ RUN shop/-/backend/release.ocu.star            a release: a pipeline run
//!   ├ task/build                                   a task of it
//!   │ └ RUN task/build                             a run: one attempt at the task
//!   └ deploy/staging
//!     └ RUN deploy/staging
//! ```
//!
//! Commands know nothing of this. [`Telemetry::start`] makes the command's span current; a view
//! that is [`recorded`] under it turns the events it hears into spans and passes them on. What
//! leaves this machine is refs, statuses, the commit's hash and names of functions: no output, no
//! inputs, no messages of errors, since those may hold secrets.
//!
//! Attributes follow the [CI/CD conventions][cicd] of OpenTelemetry, and for the command those for
//! [command-line programs][cli].
//!
//! [cicd]: https://opentelemetry.io/docs/specs/semconv/cicd/cicd-spans/
//! [cli]: https://opentelemetry.io/docs/specs/semconv/cli/cli-spans/

mod export;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use ocuroot_core::Ref;
use ocuroot_core::documents::Status;
use ocuroot_core::refs::Kind;
use opentelemetry::trace::{SpanKind, Status as SpanStatus, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use opentelemetry_semantic_conventions::attribute as key;

use crate::interrupt;
use crate::view::{Event, View};
use export::Pipeline;

/// Where a document stands in ocuroot's own words, which say more than a result: `paused`.
const STATUS: &str = "ocuroot.status";

/// The traces of this process, from [`start`](Telemetry::start) to [`end`](Telemetry::end).
#[derive(Debug)]
pub struct Telemetry(State);

#[derive(Debug)]
enum State {
    /// Nobody wants traces.
    Off,
    /// Somebody does, and it cannot be done: why.
    Broken(String),
    On {
        pipeline: Pipeline,
        recording: Arc<Recording>,
        /// Keeps the command's span current.
        _current: ContextGuard,
    },
}

impl Telemetry {
    /// Begins the span of a command, `release new`, if the environment asks for traces. Views that
    /// this thread has [`recorded`] from now on add to it.
    #[must_use]
    pub fn start(command: &str) -> Telemetry {
        if !wanted() {
            return Telemetry(State::Off);
        }
        let pipeline = match Pipeline::open() {
            Ok(pipeline) => pipeline,
            Err(why) => return Telemetry(State::Broken(why)),
        };
        let recording = Arc::new(Recording::new(pipeline.provider().tracer("ocuroot"), command));
        let current = recording.command.with_value(Arc::clone(&recording)).attach();
        Telemetry(State::On { pipeline, recording, _current: current })
    }

    /// Ends all spans, and sends what has not been sent yet; that takes two seconds at most. Returns
    /// a line for people if not all traces got where they should.
    #[must_use]
    pub fn end(self, exit_code: u8) -> Option<String> {
        match self.0 {
            State::Off => None,
            State::Broken(why) => Some(why),
            State::On { pipeline, recording, .. } => {
                recording.end(exit_code);
                pipeline.close()
            }
        }
    }
}

/// Whether the environment asks for traces. `OTEL_SDK_DISABLED` is the standard way to refuse.
fn wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let disabled =
        || std::env::var_os("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    (set("ENABLE_OTEL") || set("OTEL_EXPORTER_OTLP_ENDPOINT")) && !disabled()
}

/// `view`, and what it hears goes into the trace of the command if there is one.
#[must_use]
pub fn recorded(view: Arc<dyn View>) -> Arc<dyn View> {
    match Context::current().get::<Arc<Recording>>() {
        Some(recording) => Arc::new(Recorder { recording: Arc::clone(recording), view }),
        None => view,
    }
}

/// See [`recorded`].
struct Recorder {
    recording: Arc<Recording>,
    view: Arc<dyn View>,
}

impl View for Recorder {
    fn show(&self, event: &Event<'_>) {
        self.recording.hear(event);
        self.view.show(event);
    }

    fn finish(&self) {
        self.view.finish();
    }
}

/// The spans of a command. Those that are open are held as contexts, which are what spans below
/// them start from.
#[derive(Debug)]
struct Recording {
    tracer: SdkTracer,
    command: Context,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    releases: BTreeMap<Ref, Context>,
    /// By the path that their runs are in.
    tasks: BTreeMap<String, Task>,
    runs: BTreeMap<Ref, Context>,
}

/// A task stays open as long as its release, since another run of it may follow.
#[derive(Debug)]
struct Task {
    release: Ref,
    context: Context,
    /// How its last run ended, and when.
    ended: Option<(Status, SystemTime)>,
}

impl Recording {
    fn new(tracer: SdkTracer, command: &str) -> Recording {
        let builder = tracer
            .span_builder(format!("ocuroot {command}"))
            .with_kind(SpanKind::Internal)
            .with_attributes([
                KeyValue::new(key::PROCESS_EXECUTABLE_NAME, "ocuroot"),
                KeyValue::new(key::PROCESS_PID, i64::from(std::process::id())),
            ]);
        let root = Context::new();
        let command = root.with_span(tracer.build_with_context(builder, &root));
        Recording { tracer, command, open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, event: &Event<'_>) {
        let open = &mut *self.open();
        match event {
            Event::Release { release, commit, .. } => {
                let commit = KeyValue::new(key::VCS_REF_HEAD_REVISION, (*commit).to_owned());
                self.release(open, release).span().set_attribute(commit);
            }
            Event::Started { run, function } => self.started(open, run, function),
            Event::Ended { run, status, .. } => {
                let now = SystemTime::now();
                if let Some(context) = open.runs.remove(*run) {
                    end(&context, key::CICD_PIPELINE_TASK_RUN_RESULT, Some(*status), now);
                }
                if let Some(task) = open.tasks.get_mut(place(run)) {
                    task.ended = Some((*status, now));
                }
            }
            Event::Standing { release, status } => close(open, release, Some(*status)),
            Event::Output { .. }
            | Event::Waiting { .. }
            | Event::Diagnosed { .. }
            | Event::Undone(_)
            | Event::Note(_) => {}
        }
    }

    fn span(&self, parent: &Context, kind: SpanKind, name: String, attributes: Vec<KeyValue>) -> Context {
        let builder = self.tracer.span_builder(name).with_kind(kind).with_attributes(attributes);
        parent.with_span(self.tracer.build_with_context(builder, parent))
    }

    /// The open span of a release; a new one if there is none.
    fn release(&self, open: &mut Open, release: &Ref) -> Context {
        let begin = || {
            let package = release.package().to_string();
            let name = format!("RUN {package}");
            let attributes = vec![
                KeyValue::new(key::CICD_PIPELINE_ACTION_NAME, "RUN"),
                KeyValue::new(key::CICD_PIPELINE_NAME, package),
                KeyValue::new(key::CICD_PIPELINE_RUN_ID, release.to_string()),
            ];
            self.span(&self.command, SpanKind::Server, name, attributes)
        };
        open.releases.entry(release.clone()).or_insert_with(begin).clone()
    }

    fn started(&self, open: &mut Open, run: &Ref, function: &str) {
        let function = KeyValue::new(key::CODE_FUNCTION_NAME, function.to_owned());
        if let Some(context) = open.runs.get(run) {
            // A run may be several functions, one after the other.
            context.span().add_event("next function", vec![function]);
            return;
        }
        let release = run.release_ref();
        let above = self.release(open, &release);
        let (task, mut attributes) = describe(run, &release);
        let begin = || {
            let context = self.span(&above, SpanKind::Internal, task.clone(), attributes.clone());
            Task { release, context, ended: None }
        };
        let above = open.tasks.entry(place(run).to_owned()).or_insert_with(begin).context.clone();
        attributes.extend([KeyValue::new(key::CICD_PIPELINE_TASK_RUN_ID, run.to_string()), function]);
        let context = self.span(&above, SpanKind::Internal, format!("RUN {task}"), attributes);
        open.runs.insert(run.clone(), context);
    }

    /// Ends everything that is still open.
    fn end(&self, exit_code: u8) {
        let open = &mut *self.open();
        let left: Vec<Ref> = open.releases.keys().cloned().collect();
        for release in left {
            close(open, &release, None);
        }
        let span = self.command.span();
        span.set_attribute(KeyValue::new(key::PROCESS_EXIT_CODE, i64::from(exit_code)));
        if exit_code != 0 {
            span.set_attribute(KeyValue::new(key::ERROR_TYPE, exit_code.to_string()));
            span.set_status(SpanStatus::error(""));
        }
        span.end();
    }
}

/// The path that a run is in: the run without its number.
fn place(run: &Ref) -> &str {
    run.as_str().rsplit_once('/').map_or(run.as_str(), |(place, _)| place)
}

/// The name of a run's task within its release, `deploy/staging`, and what is said of both.
fn describe(run: &Ref, release: &Ref) -> (String, Vec<KeyValue>) {
    let name = run.subpath().rsplit_once('/').map_or("", |(name, _)| name);
    let task = format!("{}/{name}", run.kind().map_or("", Kind::as_str));
    let mut attributes = vec![
        KeyValue::new(key::CICD_PIPELINE_NAME, release.package().to_string()),
        KeyValue::new(key::CICD_PIPELINE_RUN_ID, release.to_string()),
        KeyValue::new(key::CICD_PIPELINE_TASK_NAME, task.clone()),
    ];
    match (run.kind(), name) {
        (Some(Kind::Deploy), environment) => attributes.extend([
            KeyValue::new(key::CICD_PIPELINE_TASK_TYPE, "deploy"),
            KeyValue::new(key::DEPLOYMENT_ENVIRONMENT_NAME, environment.to_owned()),
        ]),
        // The conventions' other types, where the task is called by one.
        (_, "build" | "test") => {
            attributes.push(KeyValue::new(key::CICD_PIPELINE_TASK_TYPE, name.to_owned()));
        }
        _ => {}
    }
    (task, attributes)
}

/// Ends the span of a release and all below it. Without a status the work was given up.
fn close(open: &mut Open, release: &Ref, status: Option<Status>) {
    let now = SystemTime::now();
    let left = |run: &Ref| run.release_ref() == *release;
    for (_, context) in open.runs.extract_if(.., |run, _| left(run)) {
        end(&context, key::CICD_PIPELINE_TASK_RUN_RESULT, None, now);
    }
    for (_, task) in open.tasks.extract_if(.., |_, task| task.release == *release) {
        let (status, at) = task.ended.map_or((None, now), |(status, at)| (Some(status), at));
        end(&task.context, key::CICD_PIPELINE_TASK_RUN_RESULT, status, at);
    }
    if let Some(context) = open.releases.remove(release) {
        let state = match status {
            Some(Status::Pending | Status::Paused) => Some("pending"),
            Some(Status::Running) => Some("executing"),
            _ => None,
        };
        context.span().set_attributes(state.map(|state| KeyValue::new(key::CICD_PIPELINE_RUN_STATE, state)));
        end(&context, key::CICD_PIPELINE_RESULT, status, now);
    }
}

/// Ends a span, with its result as the attribute `key`.
fn end(context: &Context, key: &'static str, status: Option<Status>, at: SystemTime) {
    let span = context.span();
    let result = match status {
        Some(Status::Complete) => Some("success"),
        Some(Status::Failed | Status::FailedRetried) => Some("failure"),
        Some(Status::Cancelled) => Some("cancellation"),
        Some(Status::Pending | Status::Running | Status::Paused) => None,
        None if interrupt::is_set() => Some("cancellation"),
        None => Some("error"),
    };
    if let Some(status) = status {
        span.set_attribute(KeyValue::new(STATUS, status.to_string()));
    }
    if let Some(result) = result {
        span.set_attribute(KeyValue::new(key, result));
    }
    if let Some(error @ ("failure" | "error")) = result {
        span.set_attribute(KeyValue::new(key::ERROR_TYPE, error));
        span.set_status(SpanStatus::error(""));
    }
    span.end_with_timestamp(at);
}
