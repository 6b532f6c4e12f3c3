//! Examples for the document: what `/docs` sends as it stands, and what an answer looks like. The seed's where it has one.

use serde_json::{Value, json};

use crate::audience::api::envelope::SUCCESS;

/// What `/docs` offers for a refresh: the seed's request.
pub fn refresh_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "id": 24, "list_id": 1, "format": "json",
           "feedback": {"type": "JSON", "url": "http://example.com/receiver"}})
}

/// See [`refresh_example`].
pub fn refresh_database_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "id": 1, "resource_id": 24})
}

/// See [`refresh_example`].
pub fn task_status_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "task_id": "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"})
}

/// See [`refresh_example`].
pub fn list_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "from_id": 1, "limit": 100})
}

/// See [`refresh_example`].
pub fn resource_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "id": 24})
}

/// See [`refresh_example`].
pub fn resource_counters_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "id": 24, "list_id": 1})
}

/// See [`refresh_example`].
pub fn database_counters_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "id": 1, "resource_id": 24})
}

fn profile_example() -> Value {
    json!({"email": "olena@example.com", "phones": ["+380501234567"], "_fname": "Olena", "_lname": "Bondar",
           "loyalty_card": "007", "subscriptions": [{"resource_id": 24, "channel": "email", "status": "subscribed",
           "email_data": {"email": "olena@example.com"}}]})
}

/// See [`refresh_example`].
pub fn import_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "db_id": 1, "matching": "email", "data": profile_example()})
}

/// See [`refresh_example`].
pub fn batch_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "db_id": 1, "matching": "email",
           "data": [profile_example(), {"email": "taras@example.com", "_status": 5}]})
}

/// See [`refresh_example`].
pub fn profile_target_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "db_id": 1, "matching": "email", "email": "olena@example.com"})
}

/// See [`refresh_example`].
pub fn set_subscription_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "db_id": 1, "matching": "email", "email": "olena@example.com",
           "resource_id": 24, "channel": "sms", "status": 0})
}

/// See [`refresh_example`].
pub fn delete_subscription_example() -> Value {
    json!({"token": "abcdefghijklmnqrstuvwxyz", "db_id": 1, "matching": "email", "email": "olena@example.com",
           "resource_id": 24, "channel": "sms"})
}

/// What `/docs` shows as the answer to a refresh: the seed's.
pub fn started_answer() -> Value {
    json!({"data": {"task_id": "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"}, "error": 0, "error_text": SUCCESS})
}

fn counters_example() -> Value {
    let channel = |channel: &str, hardbounced: i64, subscribed: i64, unsubscribed: i64| {
        json!({"channel": channel, "status": {"all": 1336, "complained": 0, "hardbounced": hardbounced, "invalid": 0,
               "subscribed": subscribed, "subscribed_sendable": subscribed, "suspended": 0, "unconfirmed": 0,
               "unconfirmed_sendable": 0, "unsubscribed": unsubscribed}})
    };
    json!([{"channels": [channel("sms", 0, 0, 0), channel("push", 0, 0, 0), channel("email", 434, 842, 60)],
            "in_progress": false, "last_count_time": "counted at 2024-04-19T13:31:08Z in 231.374251ms", "list_id": 1,
            "refresh_task_id": "", "updated": "2024-04-19T13:31:08.927Z"}])
}

/// See [`started_answer`].
pub fn task_status_answer() -> Value {
    json!({"data": {"status": "completed", "progress": 100, "result": counters_example()}, "error": 0,
           "error_text": SUCCESS})
}

/// See [`started_answer`].
pub fn counters_answer() -> Value {
    json!({"data": counters_example(), "error": 0, "error_text": SUCCESS})
}

/// See [`started_answer`].
pub fn databases_answer() -> Value {
    json!({"data": [{"id": 1, "name": "Customers"}], "error": 0, "error_text": SUCCESS, "next_from_id": 0,
           "total_count": 1})
}

/// See [`started_answer`].
pub fn resources_answer() -> Value {
    json!({"data": [{"id": 24, "name": "News"}], "error": 0, "error_text": SUCCESS, "next_from_id": 0,
           "total_count": 1})
}

/// See [`started_answer`].
pub fn resource_answer() -> Value {
    json!({"data": {"channels": ["email"], "dbs_ids": [1], "id": 24, "name": "News"}, "error": 0,
           "error_text": SUCCESS})
}

/// See [`started_answer`].
pub fn imported_answer() -> Value {
    json!({"data": {"profile_id": "6622716c0f0e1a2b3c4d5e6f"}, "error": 0, "error_text": SUCCESS,
           "profile_id": "6622716c0f0e1a2b3c4d5e6f"})
}

/// See [`started_answer`].
pub fn batch_answer() -> Value {
    json!({"data": {"imported": 1, "failed": 1}, "error": 0, "error_text": SUCCESS, "result": [
        {"error": 0, "error_text": SUCCESS, "profile_id": "6622716c0f0e1a2b3c4d5e6f"},
        {"error": 400, "error_text": "`email` must be an e-mail address such as name@example.com", "profile_id": ""}]})
}

/// See [`started_answer`].
pub fn done_answer() -> Value {
    json!({"data": null, "error": 0, "error_text": SUCCESS})
}

/// See [`started_answer`].
pub fn updated_answer() -> Value {
    json!({"data": {"updated": 2}, "error": 0, "error_text": SUCCESS, "updated": 2})
}
