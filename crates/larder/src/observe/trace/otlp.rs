//! Traces over OTLP: protobuf by HTTP.
//!
//! The thread that sends is that of the SDK's batch processor, so its client is a blocking one. It follows no redirect
//! and uses no proxy: what it sends is for the collector that the operator named.

use std::fmt::Display;
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData,
};

use super::Step;

/// Spans that wait to be sent; a cold `.zip` makes five.
const QUEUE: usize = 2048;
/// Spans of one call to the collector.
const BATCH: usize = 512;
/// Spans are sent at least this often.
const EVERY: Duration = Duration::from_secs(2);
/// How long a call to the collector may take.
const CALL: Duration = Duration::from_secs(5);
/// How long a stop waits for the last spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(1);

tokio::task_local! {
    static CURRENT: Active;
}

/// Makes spans of requests, of which those of their steps are children. By default it makes none.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<(SdkTracerProvider, SdkTracer)>);

impl Tracer {
    /// One that sends to the collector at `endpoint` (`http://127.0.0.1:4318`) so many percent of the traces that begin
    /// here.
    ///
    /// # Errors
    /// The endpoint is not an address, or the thread that sends cannot be started.
    pub fn to(endpoint: &str, percent: u32) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(CALL)
            .build()?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(EVERY)
            .build();
        let exporter = Exporter { exporter, is_failing: AtomicBool::new(false) };
        let share = Sampler::TraceIdRatioBased(f64::from(percent) / 100.0);
        let resource = Resource::builder_empty()
            .with_service_name("larder")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .build();
        let tracer = provider.tracer("larder");
        Ok(Self(Some((provider, tracer))))
    }

    /// The span of a request. It goes on with the trace that the client names, if the client is on this machine.
    pub fn request(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Span {
        let Some((_, tracer)) = &self.0 else { return Span(None) };
        let parent = match peer {
            Some(peer) if peer.to_canonical().is_loopback() => {
                TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
            }
            _ => Context::new(),
        };
        Span(Active::begin(tracer, "request", SpanKind::Server, &parent))
    }

    /// Sends what waits, within a moment; no span is sent after that.
    pub fn close(&self) -> impl Future<Output = ()> + use<> {
        let provider = self.0.as_ref().map(|(provider, _)| provider.clone());
        async move {
            let Some(provider) = provider else { return };
            let last = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS));
            if let Ok(Err(error)) = last.await {
                tracing::warn!(
                    event = "traces_unsent",
                    error = &error as &dyn std::error::Error,
                    "the last traces could not be sent"
                );
            }
        }
    }
}

/// A client for the collector. Built on a thread of its own: it holds a runtime, which may not begin inside another.
fn client() -> anyhow::Result<reqwest::blocking::Client> {
    let building = std::thread::spawn(|| {
        let client = reqwest::blocking::Client::builder();
        client.timeout(CALL).redirect(reqwest::redirect::Policy::none()).no_proxy().build()
    });
    let built = building.join().map_err(|_| anyhow!("the client for traces could not be built"))?;
    built.context("the client for traces could not be built")
}

/// Sends spans, and says once when they can no longer be sent.
#[derive(Debug)]
struct Exporter {
    exporter: SpanExporter,
    is_failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let was_failing = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !was_failing => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(
                    event = "traces_unsent",
                    error,
                    "traces cannot be sent, and are dropped until they can"
                );
            }
            Ok(()) if was_failing => tracing::info!(event = "traces_sent", "traces are sent again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A span that is recorded, and what makes its children. It ends when the last copy is dropped.
#[derive(Clone, Debug)]
struct Active {
    tracer: SdkTracer,
    context: Context,
}

impl Active {
    /// A new span, unless it is not to be recorded; then its steps need none either.
    fn begin(tracer: &SdkTracer, name: &'static str, kind: SpanKind, parent: &Context) -> Option<Self> {
        let span = tracer.span_builder(name).with_kind(kind).start_with_context(tracer, parent);
        let context = parent.with_span(span);
        let is_recorded = context.span().is_recording();
        is_recorded.then(|| Self { tracer: tracer.clone(), context })
    }
}

/// A span, or none where nothing is traced.
#[derive(Clone, Debug)]
pub struct Span(Option<Active>);

impl Span {
    /// The work, under this span.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        let active = self.0.clone();
        async move {
            match active {
                Some(active) => CURRENT.scope(active, work).await,
                None => work.await,
            }
        }
    }

    /// Notes a fact.
    pub fn tell(&self, key: &'static str, value: impl Display) {
        if let Some(active) = &self.0 {
            active.context.span().set_attribute(KeyValue::new(key, value.to_string()));
        }
    }

    /// Notes that the work failed, and how.
    pub fn fail(&self, class: impl Display) {
        if let Some(active) = &self.0 {
            active.context.span().set_status(Status::error(class.to_string()));
        }
    }
}

/// The work, under a new span that is a child of the current one; without a current one, the work alone.
pub fn step<F: Future>(step: Step, work: F) -> impl Future<Output = F::Output> + use<F> {
    let kind = if step == Step::Source { SpanKind::Client } else { SpanKind::Internal };
    let begun = CURRENT.try_with(|active| Active::begin(&active.tracer, step.name(), kind, &active.context));
    Span(begun.ok().flatten()).around(work)
}

/// The span that the work is done under.
pub fn current() -> Span {
    Span(CURRENT.try_with(Active::clone).ok())
}

/// Whether there is a span to tell something.
pub fn is_on() -> bool {
    CURRENT.try_with(|_| ()).is_ok()
}

/// Notes a fact with the current span.
pub fn tell(key: &'static str, value: impl Display) {
    current().tell(key, value);
}

/// Notes with the current span that its work failed, and how.
pub fn fail(class: impl Display) {
    current().fail(class);
}
