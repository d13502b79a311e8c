//! The metrics of caches and other pools of memory.

use serde_json::json;

use super::server::Server;
use super::{run, scrape, value};

/// The caches whose look-ups are counted. The table in docs/operations.md has the same.
const CACHES: [&str; 8] = [
    "expressions",
    "jq_programs",
    "keys",
    "plans",
    "refusals",
    "regexes",
    "signing_secrets",
    "workflows",
];

#[tokio::test]
async fn lookups_in_caches_are_counted() {
    let mut server = Server::new();
    server.start().await;
    let lookups = |text: &str, cache: &str, result: &str| {
        let labels = format!("cache=\"{cache}\",result=\"{result}\"");
        value(text, "stepwell_cache_lookups_total", &labels)
    };
    let first = scrape(&server).await;
    for cache in CACHES {
        for result in ["hit", "miss"] {
            assert!(lookups(&first, cache, result).is_some(), "{cache} {result}\n{first}");
        }
    }
    let query =
        json!({"type": "Json.Query", "input": {"value": {"a": 1}}, "config": {"query": ".a"}});
    let workflow = run(&server, json!({"name": "q", "steps": [query]}), json!({})).await;
    let path = format!("/workflows/{workflow}/execute?wait=true");
    for _ in 0..5 {
        assert_eq!(server.post(&path, &json!({})).await.0, 200);
    }
    let text = scrape(&server).await;
    let grew = |cache: &str, result: &str| {
        lookups(&text, cache, result).unwrap() - lookups(&first, cache, result).unwrap()
    };
    for cache in ["keys", "plans", "workflows", "jq_programs"] {
        assert!(grew(cache, "hit") >= 5.0, "{cache}\n{text}");
    }
    // Compiled once.
    assert!((1.0..5.0).contains(&grew("jq_programs", "miss")), "{text}");
}

/// The pools of memory. The table in docs/operations.md has the same.
const POOLS: [&str; 19] = [
    "connections",
    "expressions",
    "jq_programs",
    "key_uses",
    "keys",
    "log_lines",
    "plans",
    "rate_limits",
    "refusals",
    "regexes",
    "running_plans",
    "secrets",
    "signing_secrets",
    "sqlite",
    "store_queue",
    "stream_pieces",
    "webhooks",
    "workflows",
    "working",
];

#[tokio::test]
async fn pools_of_memory_are_shown_with_their_limits() {
    let mut server = Server::new();
    server.start().await;
    let definition = |n: usize| {
        let field =
            |m: usize| (format!("field_{m}"), json!(format!("{{{{ inputs.a + {n} * {m} }}}}")));
        let input: serde_json::Map<_, _> = (0..60).map(field).collect();
        json!({"name": "n", "steps": [{"type": "Echo", "input": input}]})
    };
    let workflow = run(&server, definition(0), json!({"input": {"a": 1}})).await;
    let size = |text: &str, name: &str, pool: &str| value(text, name, &format!("pool=\"{pool}\""));
    let used = |text: &str, pool: &str| size(text, "stepwell_memory_bytes", pool).unwrap();
    let first = scrape(&server).await;
    for n in 1..=60 {
        let url = format!("{}/workflows/{workflow}", server.url);
        let request = server.http.put(url).header("x-api-key", &server.key).json(&definition(n));
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    }
    let text = scrape(&server).await;
    let shown: Vec<&str> = POOLS
        .into_iter()
        .filter(|pool| size(&text, "stepwell_memory_limit_bytes", pool).is_some())
        .collect();
    assert_eq!(shown, POOLS, "{text}");
    for pool in POOLS {
        let limit = size(&text, "stepwell_memory_limit_bytes", pool).unwrap();
        assert!(used(&text, pool) <= limit, "{pool}\n{text}");
    }
    let series = text.lines().filter(|line| line.starts_with("stepwell_memory_bytes{")).count();
    assert_eq!(series, POOLS.len(), "{text}");
    assert!(used(&text, "plans") > used(&first, "plans"), "{text}");
    // 3,600 expressions would take more than the cache holds.
    assert!(used(&text, "expressions") > 16e6, "{text}");
}
