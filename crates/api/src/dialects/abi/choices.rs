//! The values of the parameters of lists, for the OpenAPI document. A test calls every list with
//! each of these values, and with others.

use stepwell_core::audit::ObjectKind;
use stepwell_core::schedule::ScheduleTiming;
use stepwell_engine::approval::ApprovalStatus;
use stepwell_engine::bulk_operation::{BulkAction, OperationStatus};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::query::MAX_LIMIT;

fn number_schema(maximum: usize, default: Option<usize>) -> RefOr<Schema> {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .minimum(Some(1))
        .maximum(Some(maximum))
        .default(default.map(Into::into));
    number.build().into()
}

fn one_of(values: &[&str], default: Option<&str>) -> RefOr<Schema> {
    let choice = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().copied()))
        .default(default.map(Into::into));
    choice.build().into()
}

/// Declares unit types that stand for a parameter's schema in `#[utoipa::path]`.
macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident: $schema:expr;)+) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

parameters! {
    /// The number of a page. Without a default: generated clients would send it with every `cursor`.
    Page: number_schema(crate::query::MAX_NUMBER, None);
    /// How many items a page holds, and how many firings a preview.
    PageSize: number_schema(MAX_LIMIT, Some(10));
    /// Newest first by default.
    SortOrder: one_of(&["asc", "desc"], Some("desc"));
    /// Ascending by default.
    SortOrderAscending: one_of(&["asc", "desc"], Some("asc"));
    /// By which field workflows are sorted.
    SortWorkflows: one_of(&["created_at", "updated_at", "name", "type", "status"], Some("created_at"));
    /// By which field lists are sorted whose items come one after the other.
    SortByCreation: one_of(&["created_at"], Some("created_at"));
    /// By which field schedules are sorted.
    SortSchedules: one_of(&["created_at", "updated_at", "name", "next_execution"], Some("created_at"));
    /// By which field webhooks are sorted.
    SortWebhooks: one_of(&["created_at", "updated_at", "url"], Some("created_at"));
    /// By which field workspaces and configured objects are sorted.
    SortObjects: one_of(&["created_at", "updated_at", "name"], Some("created_at"));
    /// By which field keys are sorted.
    SortKeys: one_of(&["created_at", "expires_at", "last_used_at", "name"], Some("created_at"));
    /// By which field files are sorted.
    SortFiles: one_of(&["name"], Some("name"));
    /// By which field the lines of a log are sorted.
    SortLogs: one_of(&["sequence"], Some("sequence"));
    /// By which field release tags are sorted.
    SortReleaseTags: one_of(&["name", "updated_at"], Some("name"));
    /// By which field step types are sorted.
    SortStepTypes: one_of(&["type", "category"], Some("type"));
    /// Whether a workflow can be executed.
    ByActivity: one_of(&["active", "inactive"], None);
    /// When a schedule fires.
    ByScheduleType: one_of(&ScheduleTiming::TYPES, None);
    /// The status of a webhook.
    ByWebhookStatus: one_of(&["active", "inactive", "disabled"], None);
    /// The status of a delivery.
    ByDeliveryStatus: one_of(&["pending", "delivered", "exhausted"], None);
    /// What something was done to.
    ByObjectType: one_of(&ObjectKind::ALL.map(ObjectKind::name), None);
    /// The status of a bulk operation.
    ByOperationStatus: one_of(&OperationStatus::ALL.map(OperationStatus::name), None);
    /// The status of an approval.
    ByApprovalStatus: one_of(&ApprovalStatus::ALL.map(ApprovalStatus::name), None);
    /// The action of a bulk operation.
    ByBulkAction: one_of(&BulkAction::ALL.map(BulkAction::name), None);
    /// By which field bulk operations are sorted.
    SortOperations: one_of(&["created_at", "updated_at"], Some("created_at"));
    /// Labels by their names. Any text is one, so their shape is not described.
    Labels: ObjectBuilder::new().schema_type(SchemaType::AnyValue).build().into();
    /// What an execution is shown with.
    Include: one_of(&["io"], None);
}
