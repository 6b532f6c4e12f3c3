//! Importing, changing and deleting profiles and their subscriptions.

use serde_json::{Value, json};

use super::{FORMATS, Format, company, done, figures, import, post, refused, value};
use crate::support::TestServer;

#[tokio::test]
async fn a_profile_is_made_once_and_changed_after_that() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let body = json!({"db_id": 1, "data": {"email": "Olena@Example.com", "phones": ["+380501234567"], "card": "007",
                      "subscriptions": [{"resource_id": 24, "channel": "email", "status": 0}]}});
    let mut ids = Vec::new();
    for format in FORMATS {
        let answer = value(format, &post(&admin, format, "profiles/import", &body).await.expect(200));
        assert_eq!(answer["error"], 0, "{answer}");
        assert_eq!(answer["data"]["profile_id"], answer["profile_id"]);
        ids.push(answer["profile_id"].as_str().unwrap().to_owned());
    }
    let id = ids[0].clone();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    // By every way there is to name it; `007` is text in both formats.
    for by in [
        json!({"matching": "phone", "phone": "380 50 123 45 67"}),
        json!({"matching": "profile_id", "profile_id": id}),
        json!({"profile_id": id}),
        json!({"email": "OLENA@example.com"}),
        json!({"matching": "custom", "field_name": "card", "field_value": "007"}),
    ] {
        let mut body = json!({"db_id": 1, "data": {"_fname": "Olena"}});
        body.as_object_mut().unwrap().extend(by.as_object().unwrap().clone());
        for format in FORMATS {
            let answer = value(format, &post(&admin, format, "profiles/import", &body).await.expect(200));
            ids.push(answer["profile_id"].as_str().unwrap_or_else(|| panic!("{by}: {answer}")).to_owned());
        }
    }
    assert!(ids.iter().all(|other| *other == id), "{ids:?}");
    let email = figures(&server, &admin, "email").await;
    assert_eq!((&email["all"], &email["subscribed"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn words_and_numbers_of_a_status_mean_the_same_and_others_are_refused() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let words = ["subscribed", "unsubscribed", "complained", "hardbounced", "unconfirmed", "suspended", "invalid"];
    for (number, word) in words.into_iter().enumerate() {
        for (status, who) in [(json!(number), "number"), (json!(word), "word")] {
            for format in FORMATS {
                let body = json!({"db_id": 1, "data": {"email": format!("{who}{number}{format:?}@example.com"),
                    "subscriptions": [{"resource_id": 24, "channel": "sms", "status": status}]}});
                let answer = value(format, &post(&admin, format, "profiles/import", &body).await.expect(200));
                assert_eq!(answer["error"], 0, "{answer}");
            }
        }
    }
    let sms = figures(&server, &admin, "sms").await;
    for word in words {
        assert_eq!(sms[word], 4, "{word}");
    }
    for status in [json!(7), json!("Subscribed"), json!("active"), json!(-1), json!(1.5)] {
        for format in FORMATS {
            let body = json!({"db_id": 1, "data": {"email": "x@example.com",
                "subscriptions": [{"resource_id": 24, "channel": "sms", "status": status}]}});
            let answer = value(format, &post(&admin, format, "profiles/import", &body).await.expect(200));
            assert_eq!(answer["error"], 400, "{status}");
            let text = answer["error_text"].as_str().unwrap();
            assert!(text.contains("from 0 to 6") && text.contains("one of subscribed, unsubscribed,"), "{text}");
        }
    }
    assert_eq!(figures(&server, &admin, "sms").await["all"], 28, "nothing of the refused ones is stored");
}

#[tokio::test]
async fn bad_input_is_told_what_is_wrong_and_stores_nothing() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let subscription = |resource: i64, channel: &str| {
        json!({"db_id": 1, "data": {"email": "a@example.com",
               "subscriptions": [{"resource_id": resource, "channel": channel}]}})
    };
    for (path, body, code, why) in [
        ("profiles/import", json!({"db_id": 1, "data": {}}), 400, "`email` is required to match a profile by it"),
        ("profiles/import", json!({"db_id": 1}), 400, "`data` is required"),
        ("profiles/import", json!({"db_id": 1, "data": {"email": "nobody"}}), 400, "`email` must be an e-mail address"),
        ("profiles/import", json!({"db_id": 1, "matching": "name", "data": {}}), 400, "`matching` must be one of"),
        (
            "profiles/import",
            json!({"db_id": 1, "matching": "phone", "data": {"phones": ["12"]}}),
            400,
            "`phone` must be",
        ),
        ("profiles/import", json!({"db_id": 2, "data": {"email": "a@example.com"}}), 404, "there is no list `2`"),
        ("profiles/import", subscription(26, "email"), 404, "there is no resource `26`"),
        ("profiles/import", subscription(24, "pigeon"), 400, "must be one of email, sms, push"),
        (
            "profiles/import",
            json!({"db_id": 1, "profile_id": "5f000001abababababababab", "data": {}}),
            404,
            "there is no profile `5f000001abababababababab`",
        ),
        ("profiles/import", json!({"db_id": 1, "profile_id": "xyz", "data": {}}), 400, "24 hexadecimal digits"),
        ("profiles/delete", json!({"db_id": 1, "email": "a@example.com"}), 404, "there is no profile `a@example.com`"),
        ("profiles/delete", json!({"db_id": 1}), 400, "`email` is required to match a profile by it"),
        (
            "subscriptions/set",
            json!({"db_id": 1, "email": "a@example.com", "resource_id": 24, "channel": "sms"}),
            404,
            "there is no profile",
        ),
        ("subscriptions/suspend_all", json!({"db_id": 9, "email": "a@example.com"}), 404, "there is no list `9`"),
        ("profiles/import_batch", json!({"db_id": 9, "data": []}), 404, "there is no list `9`"),
        ("profiles/import_batch", json!({"db_id": 1}), 400, "`data` is required"),
        ("profiles/import_batch", json!({"db_id": 1, "data": vec![json!({}); 10_001]}), 400, "at most 10000 items"),
    ] {
        let (error, text) = refused(&admin, path, body.clone()).await;
        assert_eq!(error, code, "{path} {text}");
        assert!(text.contains(why), "{path}: {text}");
        // Without a row there is nothing in XML to tell a batch of none from none.
        if !path.ends_with("import_batch") {
            let answer = value(Format::Xml, &post(&admin, Format::Xml, path, &body).await.expect(200));
            assert_eq!(answer["error"], code, "{path} {answer}");
        }
    }
    assert_eq!(figures(&server, &admin, "email").await["all"], 0);
}

/// One row is one transaction: without a bound, a body of ten megabytes held the writer for seconds.
#[tokio::test]
async fn an_import_sets_a_bounded_number_of_subscriptions_and_says_so() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let subscriptions = |count: usize| vec![json!({"resource_id": 24, "channel": "email"}); count];
    for format in FORMATS {
        let one =
            |count| json!({"db_id": 1, "data": {"email": "a@example.com", "subscriptions": subscriptions(count)}});
        let answer = value(format, &post(&admin, format, "profiles/import", &one(257)).await.expect(200));
        assert_eq!(answer["error_text"], "`subscriptions` must have at most 256 items (has 257)");
        let answer = value(format, &post(&admin, format, "profiles/import", &one(256)).await.expect(200));
        assert_eq!(answer["error"], 0, "{answer}");
        // Rows of every weight, each in its place among the slices.
        let rows = [256, 257, 1, 256, 200, 256, 3].into_iter().enumerate().map(|(row, count)| {
            json!({"email": format!("{row}{format:?}@example.com"), "subscriptions": subscriptions(count)})
        });
        let rows: Vec<_> = rows.collect();
        let answer = post(&admin, format, "profiles/import_batch", &json!({"db_id": 1, "data": rows})).await;
        let answer = value(format, &answer.expect(200));
        let codes: Vec<_> = answer["result"].as_array().unwrap().iter().map(|row| row["error"].clone()).collect();
        assert_eq!(json!(codes), json!([0, 400, 0, 0, 0, 0, 0]), "{answer}");
    }
    let email = figures(&server, &admin, "email").await;
    assert_eq!((&email["all"], &email["subscribed"]), (&json!(13), &json!(13)));
}

#[tokio::test]
async fn one_bad_row_of_a_batch_loses_nothing_else() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for format in FORMATS {
        let name = |name: &str| format!("{name}{format:?}@example.com");
        let rows = json!([
            {"email": name("first"), "subscriptions": [{"resource_id": 24, "channel": "email"}]},
            {"email": "nonsense"},
            {"email": name("second"), "subscriptions": [
                {"resource_id": 24, "channel": "email"}, {"resource_id": 99, "channel": "email"}]},
            {"email": name("third"), "subscriptions": [{"resource_id": 24, "channel": "email", "status": "maybe"}]},
            {"email": name("fourth"), "_status": "suspended",
             "subscriptions": [{"resource_id": 24, "channel": "email"}]},
        ]);
        let answer = post(&admin, format, "profiles/import_batch", &json!({"db_id": 1, "data": rows})).await;
        let answer = value(format, &answer.expect(200));
        assert_eq!(answer["data"], json!({"imported": 2, "failed": 3}), "{answer}");
        let results = answer["result"].as_array().unwrap();
        let codes: Vec<_> = results.iter().map(|row| row["error"].as_i64().unwrap()).collect();
        assert_eq!(codes, [0, 400, 404, 400, 0]);
        assert_eq!(results[1]["error_text"], "`email` must be an e-mail address such as name@example.com");
        assert_eq!(results[2]["error_text"], "there is no resource `99`");
        assert_eq!(results[1]["profile_id"], "");
    }
    let email = figures(&server, &admin, "email").await;
    assert_eq!(
        (&email["all"], &email["subscribed"], &email["subscribed_sendable"]),
        (&json!(4), &json!(4), &json!(2)),
        "the second row's profile is undone with its first subscription"
    );
}

#[tokio::test]
async fn a_subscription_is_set_deleted_and_comes_back() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let id = import(&admin, json!([{"email": "a@example.com"}])).await.remove(0);
    for format in FORMATS {
        let with = |fields: Value| {
            let mut body = json!({"db_id": 1, "profile_id": id, "resource_id": 24, "channel": "whatsapp"});
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            body
        };
        let send = async |path: &str, fields: Value| value(format, &post(&admin, format, path, &with(fields)).await);
        assert_eq!(send("subscriptions/set", json!({"status": "unconfirmed"})).await["error"], 0);
        assert_eq!(figures(&server, &admin, "whatsapp").await["unconfirmed_sendable"], 1);
        // Without a status it stays; there is one for each profile, resource and channel.
        assert_eq!(send("subscriptions/set", json!({"cc_data": {"phone": "+380501234567"}})).await["error"], 0);
        assert_eq!(figures(&server, &admin, "whatsapp").await["unconfirmed"], 1);
        assert_eq!(send("subscriptions/delete", json!({})).await["error"], 0);
        assert_eq!(send("subscriptions/delete", json!({})).await["error"], 404);
        let answer = done(&admin, "resources/get", json!({"id": 24})).await;
        assert_eq!(answer["data"]["channels"], json!([]), "a deleted one counts no longer");
    }
    // A deleted one comes back subscribed, not as it was.
    done(&admin, "subscriptions/set", json!({"db_id": 1, "profile_id": id, "resource_id": 24, "channel": "whatsapp"}))
        .await;
    assert_eq!(figures(&server, &admin, "whatsapp").await["subscribed"], 1);
}

#[tokio::test]
async fn suspending_all_says_how_many_and_leaves_who_has_unsubscribed() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for (format, who) in [(Format::Json, "a@example.com"), (Format::Xml, "b@example.com")] {
        import(&admin, json!([{"email": who, "subscriptions": [
            {"resource_id": 24, "channel": "email"}, {"resource_id": 24, "channel": "sms", "status": "unconfirmed"},
            {"resource_id": 24, "channel": "push", "status": "unsubscribed"}, {"resource_id": 25, "channel": "email"}]}]))
        .await;
        let one = json!({"db_id": 1, "email": who, "resource_id": 25});
        let answer = value(format, &post(&admin, format, "subscriptions/suspend_all", &one).await.expect(200));
        assert_eq!((&answer["updated"], &answer["data"]["updated"]), (&json!(1), &json!(1)));
        let all = json!({"db_id": 1, "email": who});
        let answer = value(format, &post(&admin, format, "subscriptions/suspend_all", &all).await.expect(200));
        assert_eq!(answer["updated"], 2);
    }
    assert_eq!(figures(&server, &admin, "email").await["suspended"], 2);
    assert_eq!(figures(&server, &admin, "push").await["unsubscribed"], 2);
}

#[tokio::test]
async fn a_deleted_profile_is_gone_with_its_subscriptions() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for format in FORMATS {
        import(&admin, json!([{"email": "a@example.com", "subscriptions": [{"resource_id": 24, "channel": "email"}]}]))
            .await;
        assert_eq!(figures(&server, &admin, "email").await["subscribed"], 1);
        let body = json!({"db_id": 1, "matching": "email", "email": "a@example.com"});
        assert_eq!(value(format, &post(&admin, format, "profiles/delete", &body).await)["error"], 0);
        assert_eq!(value(format, &post(&admin, format, "profiles/delete", &body).await)["error"], 404);
        let email = figures(&server, &admin, "email").await;
        assert_eq!((&email["all"], &email["subscribed"]), (&json!(0), &json!(0)));
    }
}

#[tokio::test]
async fn another_companys_profiles_are_not_found() {
    let server = TestServer::start().await;
    let north = company(&server, "north").await;
    let south = company(&server, "south").await;
    let id = import(&north, json!([{"email": "a@example.com"}])).await.remove(0);
    for body in [json!({"db_id": 1, "profile_id": id}), json!({"db_id": 1, "email": "a@example.com"})] {
        assert_eq!(refused(&south, "profiles/delete", body).await.0, 404);
    }
    assert_eq!(figures(&server, &north, "email").await["all"], 1);
    assert_eq!(figures(&server, &south, "email").await["all"], 0);
}
