//! What a store is: each function here is a promise of the seam, checked on an empty store.
//!
//! A store's crate calls [`conformance_tests!`](crate::conformance_tests) in its tests and gets one
//! test per promise. Nothing here may know how a store keeps things.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: whatever fails, fails it")]

pub mod audit;
pub mod build;
pub mod claims;
pub mod commits;
pub mod deliveries;
pub mod delivery_history;
pub mod feedback;
pub mod journals;
pub mod lists;
pub mod messages;
pub mod nodes;
pub mod object_commits;
pub mod object_lists;
pub mod objects;
pub mod places;
pub mod purges;
pub mod recoveries;
pub mod refusals;
pub mod stats;
pub mod workflows;

/// One test per promise. Takes an async closure that makes an empty store: an
/// `Arc<dyn Store>` and something to keep as long as the store is used, such as its folder.
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_tests! { @cases $make;
            commits: adds_a_new_execution, appends_to_an_execution, moves_the_wake_up_moment, keeps_what_was_settled_when_accepted,
                ended_at_once, many_at_once_share_nothing;
            refusals: a_dead_node_writes_nothing, a_wrong_seq_is_a_conflict, the_same_commit_twice_is_a_conflict,
                an_idempotency_key_is_replayed, an_external_id_is_unique_in_its_workspace,
                an_idempotency_key_comes_before_an_external_id, parts_that_do_not_fit,
                refused_ones_do_not_disturb_others, of_rivals_one_wins, keys_for_stored_responses, keys_are_swapped;
            journals: content_comes_back_identical, every_kind_of_event, repeated_values_stay_in_order,
                large_journals_are_named_before_they_are_loaded,
                journals_are_read_in_parts,
                deep_values, large_values, long_journals;
            lists: newest_first, by_workspace_and_workflow, by_status, pages, limits,
                by_time, far_pages, totals_follow, by_label;
            claims: oldest_unowned_queued_first, two_claimers_never_share, dead_nodes_claim_nothing,
                due_and_next_wake, unfinished_in_pages, active_by_key_and_workspace;
            places: places_are_granted_in_order, paused_ones_wait_without_a_place,
                a_place_can_be_required, of_rivals_one_gets_the_place,
                started_ones_without_a_place_are_reported, displaced_ones_get_a_message;
            nodes: joins_and_heartbeats, takes_over_from_the_silent, takes_over_from_those_who_left,
                leaving_gives_up_the_queue, a_clock_that_was_set_back,
                a_clock_that_was_set_forward, clock_marks;
            recoveries: recoveries_are_counted;
            stats: counts_are_exact, counts_under_concurrency;
            deliveries: in_order_of_an_execution, one_at_a_time_and_except, attempts_are_noted,
                attempts_are_listed, receivers_share,
                only_with_their_commit, a_failing_head_holds_back_its_own_only, sent_again_in_its_place;
            delivery_history: attempts_report_health, deliveries_in_pages;
            workflows: created_with_its_first_release, releases_are_numbered, releases_under_concurrency,
                changed_and_deleted, found_by_name, listed_in_pages, places_stay, idempotent_creation,
                changes_with_their_effects, of_rivals_one_changes_it, listed_by_what_they_are,
                releases_with_their_objects, children_are_deleted_with_their_workflow;
            feedback: actuals_come_back, quality_is_summed, actuals_are_purged;
            audit: audit_entries_come_back, the_audit_log_is_listed, changes_are_noted_with_them,
                controls_are_noted_with_their_events, old_audit_entries;
            objects: objects_come_back, objects_are_written_over_the_version_before,
                unique_keys_are_unique_in_their_kind, a_batch_is_written_whole_or_not_at_all,
                objects_for_an_idempotency_key, objects_change_with_their_effects, of_rivals_one_writes_the_object,
                objects_that_are_due, changes_for_caches, forgotten_deletions;
            object_commits: objects_are_committed_with_their_execution, an_object_is_committed_once,
                one_execution_gets_the_object, workflows_change_with_objects;
            object_lists: objects_in_every_order, objects_by_index_fields;
            messages: executions_start_with_their_commit, messages_come_in_order,
                messages_are_deleted_with_the_commit_that_handles_them,
                an_execution_that_has_ended_gets_no_messages, receivers_of_a_node,
                children_are_listed, a_rejected_commit_starts_and_sends_nothing;
            purges: ended_and_over_only, retention_of_the_workflow, with_everything_that_belongs,
                at_most_so_many, ended_executions_by_id, old_idempotency_keys, old_webhook_deliveries,
                gauges_count_what_waits, executions_are_counted_by_status;
        }
    };
    (@cases $make:expr; $($module:ident: $($case:ident),+;)*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _kept) = ($make)().await;
                $crate::conformance::$module::$case(store).await;
            }
        )+)*
    };
}
