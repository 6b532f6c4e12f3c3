//! Commands beside a running server: what they change holds at its next request. And commands by themselves.

use serde_json::{Value, json};

use super::{OPERATOR_PASSWORD, Place, shown_once};

#[tokio::test]
async fn a_user_made_beside_a_running_server_signs_in_at_once() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    place.succeed(&["company", "add", "north", "--name", "North Star"]).await;
    let printed =
        place.succeed(&["user", "add", "olena", "--company", "north", "--role", "ADMIN", "--timezone", "-3"]).await;
    let olena = server.sign_in("olena", shown_once(&printed)).await;
    let info = olena.get("/account/info").await.expect(200).json();
    assert_eq!(
        (&info["company_key"], &info["roles"], &info["timezone"]),
        (&json!("north"), &json!(["ADMIN"]), &json!(-3))
    );

    let output =
        place.feed(&["user", "add", "ivan", "--company", "north", "--password-stdin"], "the password of ivan\n").await;
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "user ivan made in company north\n",
        "what was given is not shown"
    );
    server.sign_in("ivan", "the password of ivan").await;
}

#[tokio::test]
async fn what_a_command_takes_away_is_gone_at_the_servers_next_request() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    place.succeed(&["company", "add", "north"]).await;
    let password =
        place.succeed(&["user", "add", "olena", "--company", "north", "--role", "ADMIN", "--role", "USER"]).await;
    let password = shown_once(&password);
    let made = place.succeed(&["token", "add", "olena", "--name", "machine", "--role", "ADMIN"]).await;
    let token = server.client.bearing(shown_once(&made));
    let users = "/comptoir/v1/users";
    token.get(users).await.expect(200);
    let jwt = server.sign_in("olena", password).await;
    jwt.get(users).await.expect(200);

    place.succeed(&["user", "roles", "olena", "USER"]).await;
    jwt.get(users).await.expect(403);
    token.get(users).await.expect(403);
    place.succeed(&["user", "roles", "olena", "ADMIN"]).await;
    token.get(users).await.expect(200);
    place.succeed(&["user", "sign-out", "olena"]).await;
    jwt.get(users).await.expect(401);
    token.get(users).await.expect(200);
    place.succeed(&["user", "disable", "olena"]).await;
    token.get(users).await.expect(401);
    place.succeed(&["user", "enable", "olena"]).await;
    token.get(users).await.expect(401);
    let made = place.succeed(&["token", "add", "olena", "--name", "machine", "--role", "ADMIN"]).await;
    let token = server.client.bearing(shown_once(&made));
    token.get(users).await.expect(200);
    place.succeed(&["company", "disable", "north"]).await;
    token.get(users).await.expect(401);
    place.succeed(&["company", "enable", "north"]).await;
    let id = place.list(&["token", "list", "--username", "olena", "--json"]).await[0]["id"].clone();
    place.succeed(&["token", "revoke", id.as_str().unwrap()]).await;
    token.get(users).await.expect(401);

    let jwt = server.sign_in("olena", password).await;
    let reset = place.succeed(&["user", "reset-password", "olena"]).await;
    jwt.get("/account/info").await.expect(401);
    let jwt = server.sign_in("olena", shown_once(&reset)).await;
    place.succeed(&["token", "rotate-jwt-key"]).await;
    jwt.get("/account/info").await.expect(401);
    assert!(place.succeed(&["check"]).await.contains("is well"));
}

#[tokio::test]
async fn lists_are_columns_for_people_and_json_for_programs() {
    let place = Place::new();
    let _server = place.serve_with_password(&[]).await;
    place.succeed(&["company", "add", "north", "--name", "Полярная звезда"]).await;
    place.succeed(&["user", "add", "shop", "--company", "north", "--role", "bot", "--no-password"]).await;
    let expires = ["--role", "BOT", "--expires-at", "2999-01-01T00:00:00Z"];
    let printed = place.succeed(&[&["token", "add", "shop", "--name", "the shop"], &expires[..]].concat()).await;
    let secret = shown_once(&printed);

    let companies = place.list(&["company", "list", "--json"]).await;
    let keys: Vec<_> = companies.as_array().unwrap().iter().map(|company| &company["key"]).collect();
    assert_eq!(keys, ["comptoir", "north"]);
    assert_eq!(companies[1]["name"], "Полярная звезда");
    let users = place.list(&["user", "list", "--company", "north", "--json"]).await;
    let expected = json!([{"username": "shop", "roles": "BOT", "operator": false, "enabled": true,
                           "has_password": false, "timezone": 0, "email": null}]);
    assert_eq!(users, expected);
    let tokens = place.list(&["token", "list", "--company", "north", "--json"]).await;
    assert_eq!(tokens[0]["expires_at"], "2999-01-01T00:00:00Z");
    assert!(secret.starts_with(tokens[0]["hint"].as_str().unwrap()));
    assert!(!tokens.to_string().contains(secret));
    assert_eq!(place.list(&["token", "list", "--company", "comptoir", "--json"]).await, json!([]));

    let text = place.succeed(&["user", "list", "--company", "north"]).await;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("username") && lines[1].starts_with("shop"), "{text}");
}

#[tokio::test]
async fn a_refused_command_says_why_and_changes_nothing() {
    let place = Place::new();
    let _server = place.serve_with_password(&[]).await;
    for (arguments, why) in [
        (&["company", "add", "COMPTOIR"][..], "there already is a company"),
        (&["company", "add", "a b"], "`key` must consist of letters"),
        (&["user", "add", "Operator", "--company", "comptoir"], "is taken"),
        (&["user", "add", "ivan", "--company", "nowhere"], "there is no company `nowhere`"),
        (&["user", "add", "ivan", "--company", "comptoir", "--role", "KING"], "must be one of ADMIN"),
        (&["user", "add", "ivan", "--company", "comptoir", "--timezone", "13"], "`timezone` must"),
        (&["user", "disable", "operator"], "last enabled operator"),
        (&["user", "operator", "operator", "--revoke"], "last enabled operator"),
        (&["company", "disable", "comptoir"], "last enabled operator"),
        (&["user", "roles", "nobody", "USER"], "there is no user `nobody`"),
        (&["token", "add", "operator", "--name", "x", "--role", "BOT"], "is not a role of user `operator`"),
        (
            &["token", "add", "operator", "--name", "x", "--expires-at", "2000-01-01T00:00:00Z"],
            "must lie in the future",
        ),
        (&["token", "revoke", "00000000-0000-0000-0000-000000000000"], "there is no token"),
        (&["--database", "temp", "check"], "belongs to the server that made it"),
    ] {
        let output = place.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("comptoir: ") && said.contains(why), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(place.list(&["company", "list", "--json"]).await.as_array().unwrap().len(), 1);
    assert_eq!(place.list(&["user", "list", "--company", "comptoir", "--json"]).await.as_array().unwrap().len(), 1);
    let output = place.feed(&["user", "reset-password", "operator", "--password-stdin"], "short\n").await;
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn the_demo_prints_a_password_and_a_token_that_work() {
    let place = Place::new();
    std::fs::write(place.path("comptoir.toml"), "operator_company = 'acme'\n").unwrap();
    let mut child = place.command(&["demo", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    let (mut password, mut token, mut url) = (String::new(), String::new(), String::new());
    let mut operator = String::new();
    // Its last word is where to look in the browser.
    while let Some(line) = tokio::time::timeout(super::GENEROUS, lines.next_line()).await.expect("a line").unwrap() {
        let after = |what: &str| line.split(what).nth(1).map(|rest| rest.trim().to_owned());
        password = after("Everybody's password: ").unwrap_or(password);
        operator = after("  operator ").unwrap_or(operator);
        token = after("API token of shop_connector: ").unwrap_or(token);
        if let Some(docs) = after("Or in the browser: ") {
            url = docs.trim_end_matches("/docs").to_owned();
            break;
        }
    }
    assert!(operator.starts_with("acme "), "the operator's company is the one it was made in: {operator}");
    let client = crate::support::Client::new(url);
    client.bearing(&token).get("/comptoir/v1/me").await.expect(200);
    for username in ["operator", "olena", "ivan", "shop_connector", "dana"] {
        let body = json!({"username": username, "password": password});
        let jwt: Value = client.post("/account/token/generation", body).await.expect(200).json();
        client.bearing(jwt.as_str().unwrap()).get("/account/info").await.expect(200);
    }
    client.get("/docs").await.expect(200);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_document_and_the_completions_need_no_database() {
    let place = Place::new();
    let whole: Value = serde_json::from_str(&place.succeed(&["openapi"]).await).unwrap();
    assert_eq!(whole, comptoir::app::document());
    let part: Value = serde_json::from_str(&place.succeed(&["openapi", "--contract", "account"]).await).unwrap();
    assert_eq!(part["info"]["title"], "Comptoir: account");
    let output = place.run(&["openapi", "--contract", "nothing"]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are: house, account"));
    place.succeed(&["openapi", "--write", "documents"]).await;
    for (name, text) in comptoir::cli::openapi::files() {
        assert_eq!(std::fs::read_to_string(place.path("documents").join(name)).unwrap(), text);
    }
    assert!(place.succeed(&["completions", "bash"]).await.contains("comptoir"));
    assert!(!place.database().exists());
}

#[tokio::test]
async fn help_names_every_command_and_the_exit_codes() {
    let place = Place::new();
    let help = place.succeed(&["--help"]).await;
    for word in
        ["serve", "demo", "company", "user", "token", "check", "openapi", "completions", "Exit codes", "--database"]
    {
        assert!(help.contains(word), "{word} is not in {help}");
    }
    assert!(place.succeed(&["serve", "--help"]).await.contains("COMPTOIR_OPERATOR_PASSWORD"));
    assert!(place.succeed(&["--version"]).await.contains(comptoir::BUILD));
    let password = place.run(&["serve", "--operator-password", OPERATOR_PASSWORD]).await;
    assert_eq!(password.status.code(), Some(2), "a password is never a flag, which every process list would show");
}
