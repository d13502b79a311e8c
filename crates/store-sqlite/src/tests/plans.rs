//! No query walks through a table.

use rusqlite::Connection;

use super::fresh;
use crate::{
    audit, deliveries, executions, feedback, gauges, maintenance, messages, nodes, objects,
    recoveries, workflows,
};

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let count = statement.parameter_count();
    let params = rusqlite::params_from_iter(std::iter::repeat_n(1, count));
    let rows = statement.query_map(params, |row| row.get(3)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_query_searches_an_index() {
    let (store, _folder) = fresh();
    let plans = store.readers.read(|connection| {
        let queries = [
            executions::QUERIES,
            executions::LIST_QUERIES[0],
            executions::LIST_QUERIES[1],
            workflows::QUERIES,
            workflows::list::QUERIES,
            deliveries::QUERIES,
            feedback::QUERIES,
            messages::QUERIES,
            nodes::QUERIES,
            recoveries::QUERIES,
            maintenance::QUERIES,
            gauges::LOOKUPS,
        ];
        let fixed = queries.concat().into_iter().map(str::to_owned);
        let all = fixed.chain(audit::queries());
        let all = all.chain(deliveries::list::queries()).chain(objects::queries());
        Ok(all.map(|sql| (plan(connection, &sql), sql)).collect::<Vec<_>>())
    });
    for (plan, sql) in plans.await.unwrap() {
        for step in &plan {
            let walks = step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            assert!(!walks, "{sql}\n{plan:#?}");
        }
        println!("{sql}\n    {}", plan.join("\n    "));
    }
}

#[tokio::test]
async fn gauges_walk_through_what_waits_only() {
    let (store, _folder) = fresh();
    let plans = store.readers.read(|connection| {
        Ok(gauges::QUERIES.iter().map(|sql| (*sql, plan(connection, sql))).collect::<Vec<_>>())
    });
    for (sql, plan) in plans.await.unwrap() {
        for step in &plan {
            let covered = step.contains("COVERING INDEX") || step.contains("executions_queued");
            let key = step.contains("deliveries_turn") || step.contains("sqlite_autoindex");
            let part = step.starts_with("SCAN (subquery") || step.contains("SUBQUERY");
            let part = part || step.starts_with("CO-ROUTINE");
            assert!(covered || key || part, "{sql}\n{plan:#?}");
        }
    }
}

#[test]
fn statuses_in_the_migrations_are_those_of_the_rows() {
    use stepwell_core::execution::Status;
    let number = crate::row::status_number;
    assert_eq!((number(Status::Queued), number(Status::Paused)), (0, 3));
    assert!(Status::ALL.iter().all(|status| status.is_final() == (number(*status) >= 4)));
}
