//! The way out for spans: OTLP over HTTP, by the client that everything else here uses.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use opentelemetry_semantic_conventions::attribute as key;
use ureq::Agent;

use crate::native_host::without_userinfo;

/// How long a collector may take to take a batch.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long the end of the process may be delayed (spec: cli).
const DELAY: Duration = Duration::from_secs(2);

/// Batches spans and sends them from a thread of its own.
#[derive(Debug)]
pub(super) struct Pipeline {
    provider: SdkTracerProvider,
    failure: Failure,
}

/// Why a batch could not be sent: the first time that it happened.
type Failure = Arc<Mutex<Option<String>>>;

impl Pipeline {
    /// As the environment says. The error is a line for people.
    pub(super) fn open() -> Result<Pipeline, String> {
        let last = Failure::default();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(Arc::clone(&last)))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .with_retry_policy(RetryPolicy::recommended().with_max_retries(1))
            .build()
            // The error would quote the endpoint, which may hold a password.
            .map_err(|_| {
                "no traces are sent: check OTEL_EXPORTER_OTLP_ENDPOINT, which has to be a URL, and \
                 OTEL_EXPORTER_OTLP_COMPRESSION, which has to be unset"
                    .to_owned()
            })?;
        let failure = Failure::default();
        let exporter = Watched { exporter, last, failure: Arc::clone(&failure) };
        let provider =
            SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build();
        Ok(Pipeline { provider, failure })
    }

    pub(super) fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// Sends what is left. Returns a line for people if something could not be sent.
    pub(super) fn close(self) -> Option<String> {
        let ended = self.provider.shutdown_with_timeout(DELAY);
        let failure = lock(&self.failure).take();
        let why = failure.or_else(|| ended.err().map(|_| "the collector is too slow".to_owned()))?;
        Some(format!("not all traces were sent: {why}"))
    }
}

fn lock(failure: &Mutex<Option<String>>) -> std::sync::MutexGuard<'_, Option<String>> {
    failure.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who sends: `ocuroot`, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` name it.
fn resource() -> Resource {
    let named = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    Resource::builder_empty()
        .with_service_name("ocuroot")
        .with_attribute(KeyValue::new(key::SERVICE_VERSION, ocuroot_core::VERSION))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())])
        .with_attributes(named.map(|name| KeyValue::new(key::SERVICE_NAME, name)))
        .build()
}

/// An exporter, and what became of its batches.
#[derive(Debug)]
struct Watched {
    exporter: opentelemetry_otlp::SpanExporter,
    /// What the client says of its last request.
    last: Failure,
    failure: Failure,
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        if let Err(error) = &result {
            let why = lock(&self.last).take().unwrap_or_else(|| error.to_string());
            lock(&self.failure).get_or_insert(why);
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Asks for one thing at a time, on the thread that sends.
#[derive(Debug)]
struct Client {
    agent: Agent,
    last: Failure,
}

impl Client {
    fn new(last: Failure) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            // Headers hold keys, which are for the collector that is named and no other.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(format!("ocuroot/{}", ocuroot_core::VERSION))
            .build();
        Client { agent: config.into(), last }
    }
}

#[async_trait]
impl HttpClient for Client {
    /// The answer without its body, which says nothing that is of use here.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let url = without_userinfo(&request.uri().to_string());
        let url = url.split_once('?').map_or(url.as_str(), |(url, _)| url);
        let (head, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(head, body.as_ref()));
        *lock(&self.last) = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("{url} answers {}", answer.status())),
            Err(ureq::Error::Timeout(_)) => Some(format!("{url} does not answer")),
            // Others may quote the URL.
            Err(ureq::Error::Io(error)) => Some(format!("{url}: {}", error.kind())),
            Err(ureq::Error::HostNotFound) => Some(format!("{url}: there is no such host")),
            Err(ureq::Error::Tls(error)) => Some(format!("{url}: {error}")),
            Err(_) => Some(format!("{url} cannot be asked")),
        };
        Ok(answer?.map(|_| Bytes::new()))
    }
}
