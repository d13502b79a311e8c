"""Client for Stepwell, a durable workflow server.

from stepwell import Client

with Client(api_key="sk_live_...") as client:
    execution = client.workflows.execute("greet", {"text": "hi"})
    print(execution.result)
"""

from . import dataflow, definitions, vellum
from ._async.client import AsyncClient
from ._async.pages import AsyncPage, AsyncPaginator
from ._audit_models import AuditAction, AuditActor, AuditEntry, AuditObject, AuditObjectType
from ._base import Deleted, ErrorDetail, Model
from ._errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    ExecutionFailedError,
    NoSuchPageError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StepwellError,
    UnavailableError,
    UnexpectedResponseError,
    WaitTimeoutError,
    WebhookVerificationError,
)
from ._execution_models import (
    AttemptFailure,
    Event,
    Execution,
    ExecutionChange,
    ExecutionFilter,
    ExecutionStatus,
    ExecutionWait,
    Failure,
    LogEvent,
    LogLine,
    OtherEvent,
    StatusEvent,
    Step,
    StepAttempt,
    StepEvent,
    StepWait,
)
from ._observe import RequestInfo, ResponseInfo
from ._omit import OMIT, Omit
from ._rate_limit import RateLimit
from ._raw import RawResponse
from ._operation_models import (
    BulkAction,
    BulkConditions,
    BulkDryRun,
    BulkFailure,
    BulkOperation,
    BulkProgress,
    OperationStatus,
)
from ._release_models import (
    Actual,
    DeletedReleaseTag,
    Quality,
    QualityTotals,
    Release,
    ReleaseQuality,
    ReleaseTag,
    TagQuality,
    TrafficShare,
)
from ._retry import RetryPolicy
from ._schedule_models import (
    Firing,
    LastExecution,
    Schedule,
    SchedulePreview,
    SchedulesChanged,
    SkippedFiring,
)
from ._secret import Secret
from ._settings import VERSION as __version__
from ._signature import verify_webhook
from ._step_type_models import StepType
from ._sync.client import Client
from ._sync.pages import Page
from ._template_models import Template, TemplatePreview
from ._webhook_models import (
    Delivery,
    DeliveryAttempt,
    DeliveryRequest,
    DeliveryResponse,
    NewWebhook,
    Webhook,
    WebhookEvent,
    WebhookTopic,
)
from ._workflow_models import (
    Integration,
    WarningItem,
    Workflow,
    WorkflowDefinition,
    WorkflowStats,
    WorkflowStatus,
)
from ._workspace_models import ApiKey, Me, NewApiKey, RateLimits, Workspace

__all__ = [
    "APIError",
    "Actual",
    "ApiKey",
    "AsyncClient",
    "AsyncPage",
    "AsyncPaginator",
    "AttemptFailure",
    "AuditAction",
    "AuditActor",
    "AuditEntry",
    "AuditObject",
    "AuditObjectType",
    "AuthenticationError",
    "BadRequestError",
    "BulkAction",
    "BulkConditions",
    "BulkDryRun",
    "BulkFailure",
    "BulkOperation",
    "BulkProgress",
    "Client",
    "ConflictError",
    "ConnectionFailedError",
    "Deleted",
    "DeletedReleaseTag",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryRequest",
    "DeliveryResponse",
    "ErrorDetail",
    "Event",
    "Execution",
    "ExecutionChange",
    "ExecutionFailedError",
    "ExecutionFilter",
    "ExecutionStatus",
    "ExecutionWait",
    "Failure",
    "Firing",
    "Integration",
    "LastExecution",
    "LogEvent",
    "LogLine",
    "Me",
    "Model",
    "NewApiKey",
    "NewWebhook",
    "NoSuchPageError",
    "NotFoundError",
    "OMIT",
    "Omit",
    "OperationStatus",
    "OtherEvent",
    "Page",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "Quality",
    "QualityTotals",
    "RateLimit",
    "RateLimitError",
    "RateLimits",
    "RawResponse",
    "Release",
    "ReleaseQuality",
    "ReleaseTag",
    "RequestInfo",
    "RequestTimeoutError",
    "ResponseInfo",
    "RetryPolicy",
    "Schedule",
    "SchedulePreview",
    "SchedulesChanged",
    "Secret",
    "ServerError",
    "SkippedFiring",
    "StatusEvent",
    "Step",
    "StepAttempt",
    "StepEvent",
    "StepType",
    "StepWait",
    "StepwellError",
    "TagQuality",
    "Template",
    "TemplatePreview",
    "TrafficShare",
    "UnavailableError",
    "UnexpectedResponseError",
    "WaitTimeoutError",
    "WarningItem",
    "Webhook",
    "WebhookEvent",
    "WebhookTopic",
    "WebhookVerificationError",
    "Workflow",
    "WorkflowDefinition",
    "WorkflowStats",
    "WorkflowStatus",
    "Workspace",
    "__version__",
    "dataflow",
    "definitions",
    "vellum",
    "verify_webhook",
]
