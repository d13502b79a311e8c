//! Previews of cron expressions.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn previews_follow_daylight_saving_time() {
    let server = Server::start().await;
    let get = async |query: &str| server.get(&format!("/api/v1/schedules/preview?{query}")).await;
    let shown = get("cron=30+2+*+*+*&timezone=Europe/Berlin&count=3").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let data = shown.json()["data"].clone();
    assert_eq!((&data["cron"], &data["timezone"]), (&json!("30 2 * * *"), &json!("Europe/Berlin")));
    let firings = data["next_executions"].as_array().unwrap();
    assert_eq!(firings.len(), 3);
    for firing in firings {
        let (time, local) = (&firing["time"], firing["local_time"].as_str().unwrap());
        assert!(local.ends_with("+01:00") || local.ends_with("+02:00"), "{firing}");
        let same = stepwell_core::Timestamp::parse(local).unwrap();
        assert_eq!(time, &json!(same.to_string()));
    }
    assert_eq!(
        get("cron=@daily").await.json()["data"]["next_executions"].as_array().unwrap().len(),
        10
    );
    for (query, code, field) in [
        ("", "INVALID_SCHEDULE", "cron"),
        ("cron=nope", "INVALID_SCHEDULE", "cron"),
        ("cron=0+0+30+2+*", "INVALID_SCHEDULE", "cron"),
        ("cron=@daily&timezone=Mars", "INVALID_SCHEDULE", "timezone"),
        ("cron=@daily&count=0", "INVALID_REQUEST", "count"),
        ("cron=@daily&count=101", "INVALID_REQUEST", "count"),
        ("cron=@daily&count=x", "INVALID_REQUEST", "count"),
    ] {
        let refused = get(query).await;
        assert_eq!(refused.abi_refusal(), (400, code.into()), "{query}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
}
