"""OpenTelemetry: its middlewares create a span for a request, its logger an event record."""

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as ASGIMiddleware
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as WSGIMiddleware
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.peers.peer import ASGIApp, Properties, WSGIApp


class OpenTelemetry:
    """The SDK with default batch processors and OTLP exporters over HTTP."""

    def __init__(self, url: str) -> None:
        """Send to a stub server."""
        spans = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"))
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(spans)
        self._loggers = LoggerProvider()
        self._loggers.add_log_record_processor(
            BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs"))
        )
        self._logger = self._loggers.get_logger("benchmark")

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application inside the ASGI middleware."""
        wrapped: ASGIApp = ASGIMiddleware(app, tracer_provider=self._tracers)
        return wrapped

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application inside the WSGI middleware."""
        wrapped: WSGIApp = WSGIMiddleware(app, tracer_provider=self._tracers)
        return wrapped

    def track(self, name: str, properties: Properties) -> bool | None:
        """Emit an event record."""
        self._logger.emit(
            event_name=name, attributes=properties, severity_number=SeverityNumber.INFO
        )
        return None

    def flush(self) -> None:
        """Wait for the delivery."""
        self._loggers.force_flush()
        self._tracers.force_flush()
