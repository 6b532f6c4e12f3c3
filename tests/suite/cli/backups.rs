//! `comptoir backup`, `comptoir restore` and `comptoir outgoing`, as the binary.

use std::path::Path;

use serde_json::json;

use super::{GENEROUS, OPERATOR_PASSWORD, Place, shown_once};

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().file_name()));
    entries.map(|names| names.map(|name| name.into_string().unwrap()).collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_backup_beside_a_running_server_is_restored_once_it_is_stopped() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    place.succeed(&["company", "add", "north"]).await;
    place.succeed(&["user", "add", "shop", "--company", "north", "--role", "BOT", "--no-password"]).await;
    let made = place.succeed(&["token", "add", "shop", "--name", "web shop", "--role", "BOT"]).await;
    let token = server.client.bearing(shown_once(&made));
    let printed = place.succeed(&["backup"]).await;
    assert!(printed.contains("comptoir.db.backups/comptoir-") && printed.contains("read back"), "{printed}");
    let listed = place.list(&["backup", "list", "--json"]).await;
    let name = listed[0]["name"].as_str().unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["good"]), (1, &json!(true)));
    assert!(place.succeed(&["backup", "drill"]).await.contains("can be restored"));
    let copied = place.succeed(&["backup", "--to", "elsewhere/"]).await;
    assert!(copied.starts_with("elsewhere/comptoir-"), "{copied}");
    place.succeed(&["backup", "--to", "one.db"]).await;
    let again = place.run(&["backup", "--to", "one.db"]).await;
    assert_eq!(again.status.code(), Some(1), "what is there is not written over");

    let id = place.list(&["token", "list", "--username", "shop", "--json"]).await[0]["id"].clone();
    place.succeed(&["token", "revoke", id.as_str().unwrap()]).await;
    token.get("/comptoir/v1/me").await.expect(401);
    let file = format!("comptoir.db.backups/{name}.db");
    let refused = place.run(&["restore", &file]).await;
    assert_eq!(refused.status.code(), Some(6), "a server has it");
    assert_eq!(server.signal("TERM").await.code, Some(0));

    let printed = place.succeed(&["restore", &file]).await;
    for said in
        ["is now what", "before-restore-", "has ended", "held", "web shop", "revoked or expired since", "operator"]
    {
        assert!(printed.contains(said), "{said} is not in {printed}");
    }
    assert!(place.succeed(&["check"]).await.contains("is well"));
    let server = place.serve(&[]).await;
    let token = server.client.bearing(token.credential());
    token.get("/comptoir/v1/me").await.expect(200);
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    assert_eq!(operator.get("/comptoir/v1/outgoing").await.expect(200).json()["held"], true);
    assert!(place.succeed(&["outgoing", "status"]).await.contains("held since"));
    assert!(place.succeed(&["outgoing", "release"]).await.contains("goes on"));
    assert_eq!(operator.get("/comptoir/v1/outgoing").await.expect(200).json()["held"], false);
    let log = server.signal("TERM").await.log;
    assert!(log.contains("held since a restore"), "{log}");
}

#[tokio::test]
async fn a_disk_that_takes_no_more_leaves_nothing_half_made() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    server.signal("TERM").await;
    // No file may grow past fifty kilobytes: the copy's writes fail in the middle of it.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    for arguments in [&["backup"][..], &["backup", "--to", "one.db"]] {
        let output = place.command_in_shell(script, arguments).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("comptoir: "), "{said}");
    }
    assert_eq!(files(&place.path("comptoir.db.backups")), [""; 0]);
    assert!(!files(&place.path("")).iter().any(|name| name.starts_with("one")));
    let output = place.command_in_shell(script, &["backup", "drill"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "there is nothing to try out");
    place.succeed(&["backup"]).await;

    // And a restore: the old database stays.
    place.succeed(&["company", "add", "north"]).await;
    let file = files(&place.path("comptoir.db.backups"))[0].clone();
    let output =
        place.command_in_shell(script, &["restore", &format!("comptoir.db.backups/{file}")]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(10));
    assert!(place.succeed(&["check"]).await.contains("is well"));
    assert_eq!(place.list(&["company", "list", "--json"]).await.as_array().unwrap().len(), 2);
    assert!(!files(&place.path("")).iter().any(|name| name.contains("restor")), "{:?}", files(&place.path("")));
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_a_whole_database() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    place.succeed(&["backup", "--to", "before.db"]).await;
    place.succeed(&["company", "add", "north"]).await;
    server.signal("TERM").await;
    for _ in 0..6 {
        let mut child = place.command(&["restore", "before.db"]).spawn().unwrap();
        // As soon as it has begun; where that is differs from one time to the next.
        while !place.path("comptoir.db.restoring").exists() && child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        child.kill().await.unwrap();
        assert!(place.succeed(&["check"]).await.contains("is well"));
        let companies = place.list(&["company", "list", "--json"]).await.as_array().unwrap().len();
        assert!(companies == 2 || companies == 1, "{companies}");
    }
    place.succeed(&["restore", "before.db"]).await;
    assert_eq!(place.list(&["company", "list", "--json"]).await.as_array().unwrap().len(), 1);
    assert!(!place.path("comptoir.db.restoring").exists());
}

#[tokio::test]
async fn the_figures_have_an_address_of_their_own_that_asks_for_no_credential_and_has_nothing_else() {
    let place = Place::new();
    let server = place.serve_with_password(&["--metrics-listen", "127.0.0.1:0"]).await;
    let url = server.ready["metrics"].as_str().unwrap().to_owned();
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let page = answer.text().await.unwrap();
    assert!(page.contains("\ncomptoir_store_up 1\n") && page.contains("comptoir_build_info"), "{page}");
    for path in ["/", "/account/info", "/health/ready", "/metrics/x"] {
        assert_eq!(reqwest::get(url.replace("/metrics", path)).await.unwrap().status(), 404, "{path}");
    }
    let posted = reqwest::Client::new().post(&url).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    server.client.get("/metrics").await.expect(401);
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    operator.get("/metrics").await.expect(200);
    assert_eq!(server.signal("TERM").await.code, Some(0));
}

#[tokio::test]
async fn a_server_takes_one_by_itself_and_one_on_a_temporary_database_does_not() {
    let place = Place::new();
    let server = place.serve_with_password(&["--backup-every", "60", "--backup-keep", "3"]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let task = operator.post("/comptoir/v1/backups", json!(null)).await.expect(200).json();
    let path = format!("/comptoir/v1/tasks/{}", task["id"].as_str().unwrap());
    let done = async {
        while operator.get(&path).await.expect(200).json()["state"] != "done" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GENEROUS, done).await.expect("the backup is taken");
    assert_eq!(files(&place.path("comptoir.db.backups")).len(), 1);
    for (arguments, code) in
        [(&["--backup-every", "5"][..], 1), (&["--backup-at", "25:00"], 1), (&["--backup-keep", "0"], 1)]
    {
        let output = place.run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}
