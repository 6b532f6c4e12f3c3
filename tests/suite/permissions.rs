//! Every operation of the document with every kind of caller, against the permission table.

use std::collections::BTreeSet;

use comptoir::app;
use comptoir::auth::model::{Role, Roles};
use comptoir::auth::permissions::{self, Effect, Need, TABLE};
use comptoir::backups::{Backups, Target};
use poem::http::Method;
use serde_json::{Value, json};

use crate::account::usage::rights as usage;
use crate::audience::rights::{self, Rows, standing};
use crate::connectors::rights::{self as connectors, Rows as Statistics};
use crate::nomenclature::rights::{self as stock, Rows as Stock};
use crate::nomenclature::{XLSX, lp, priced};
use crate::schedules::gln;
use crate::schedules::rights::{self as traders, Rows as Trade};
use crate::support::contract::{self, Operation};
use crate::support::{Answer, Client, PASSWORD, TestServer, api_token};

/// Where the callers of the first company live.
const HOME: &str = "north";

/// Somebody who calls, and what the table must be asked for.
#[derive(Clone)]
struct Caller {
    kind: &'static str,
    /// `None`: signed in as nobody.
    rights: Option<(Roles, bool)>,
    /// Whether the rows of [`HOME`] are out of its reach.
    foreign: bool,
    /// The user to sign in as; `None`: the credential stays as it is.
    username: Option<&'static str>,
    client: Client,
}

/// A running installation with its cast.
struct World {
    server: TestServer,
    callers: Vec<Caller>,
    /// Makes what a request is about.
    operator: Client,
    /// The same in the first company.
    arranger: Client,
    /// The audience of the first company, and of the operator's own.
    audiences: [Rows; 2],
    /// The same of order schedules.
    trades: [Trade; 2],
    /// The same of connectors.
    statistics: [Statistics; 2],
    /// The same of the nomenclature.
    stocks: [Stock; 2],
    made: u32,
}

/// A request that is in order, and the status it gets from someone who may send it.
struct Request {
    path: String,
    body: Value,
    success: u16,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start().await;
        server.company(HOME).await;
        server.company("south").await;
        let root = server.as_operator().await;
        let (_, secret) = api_token(&root, json!({"name": "arrange", "role": "OPERATOR"})).await;
        let operator = server.bearing(&secret);
        // Rows of the first company that requests name.
        server.user(HOME, "target", &["USER"]).await;

        let roles = |roles: &[Role]| Some((Roles::of(roles), false));
        let mut callers = vec![Caller {
            kind: "anonymous",
            rights: None,
            foreign: false,
            username: None,
            client: server.anonymous(),
        }];
        for (kind, company, username, words, rights) in [
            ("no role", HOME, "nobody", &[][..], roles(&[])),
            ("USER", HOME, "user", &["USER"][..], roles(&[Role::User])),
            ("PARTNER", HOME, "partner", &["PARTNER"][..], roles(&[Role::Partner])),
            ("BOT", HOME, "bot", &["BOT"][..], roles(&[Role::Bot])),
            ("ADMIN", HOME, "admin", &["ADMIN"][..], roles(&[Role::Admin])),
            ("another company's ADMIN", "south", "foreign", &["ADMIN"][..], roles(&[Role::Admin])),
        ] {
            let client = server.user(company, username, words).await;
            callers.push(Caller { kind, rights, foreign: company != HOME, username: Some(username), client });
        }
        let both = server.user(HOME, "both", &["ADMIN", "BOT"]).await;
        let (_, narrow) = api_token(&both, json!({"name": "narrow", "role": "BOT"})).await;
        let disabled = server.user(HOME, "disabled", &["ADMIN"]).await;
        operator.patch("/comptoir/v1/users/disabled", json!({"enabled": false})).await.expect(200);
        for (kind, rights, username, client) in [
            ("operator", Some((Roles::of(&[Role::Admin]), true)), Some("operator"), root),
            ("BOT token of an ADMIN", roles(&[Role::Bot]), None, server.bearing(&narrow)),
            ("disabled user", None, None, disabled),
        ] {
            callers.push(Caller { kind, rights, foreign: false, username, client });
        }
        let arranger = server.user(HOME, "arranger", &["ADMIN"]).await;
        // JWTs die on the way; API tokens outlive what is tried here.
        let (_, secret) = api_token(&arranger, json!({"name": "arrange", "role": "OWNER"})).await;
        let arranger = server.bearing(&secret);
        let audiences = [Rows::make(arranger.clone()).await, Rows::make(operator.clone()).await];
        let trades = [Trade::make(arranger.clone()).await, Trade::make(operator.clone()).await];
        let statistics = [Statistics::make(arranger.clone()).await, Statistics::make(operator.clone()).await];
        let stocks = [Stock::make(&server, &arranger, HOME).await, Stock::make(&server, &operator, "comptoir").await];
        let parties = json!({"parties": [traders::PRODUCER.to_string(), traders::DISTRIBUTOR.to_string()]});
        arranger.put("/comptoir/v1/users/partner/parties", parties).await.expect(200);
        Self { server, callers, operator, arranger, audiences, trades, statistics, stocks, made: 0 }
    }

    /// Signs in again whoever the last request signed out.
    async fn refresh(&mut self, caller: usize) -> Caller {
        if let Some(username) = self.callers[caller].username
            && self.callers[caller].client.get("/comptoir/v1/me").await.status == 401
        {
            self.callers[caller].client = self.server.sign_in(username, PASSWORD).await;
        }
        self.callers[caller].clone()
    }

    /// The same for the operations of order schedules.
    async fn trade_request(&self, operation: &Operation, caller: &Caller) -> Option<(String, Value)> {
        let trade = &self.trades[usize::from(caller.kind == "operator")];
        let may = permissions::need(&operation.id).is_some_and(|need| match (need, caller.rights) {
            (Need::Any(wanted), Some((roles, _))) => roles.meets(wanted) && !caller.foreign,
            _ => false,
        });
        let owner = may.then_some(&caller.client);
        trade.request(&operation.id, &operation.path, self.made, owner).await
    }

    /// The same for the operations of the nomenclature.
    async fn stock_request(&self, operation: &Operation, caller: &Caller) -> Option<(String, Value)> {
        let (stock, admin) = match caller.kind {
            "operator" => (&self.stocks[1], &self.operator),
            _ => (&self.stocks[0], &self.arranger),
        };
        let imports = permissions::need("create_nomenclature_import").is_some_and(|need| match (need, caller.rights) {
            (Need::Any(wanted), Some((roles, _))) => roles.meets(wanted) && !caller.foreign,
            _ => false,
        });
        // Whoever cannot have imports is shown somebody else's.
        let owner = if imports { &caller.client } else { admin };
        stock.request(&self.server, &operation.id, &operation.path, owner).await
    }

    /// A request to `operation` that nothing but the caller's rights could refuse.
    async fn request(&mut self, operation: &Operation, caller: &Caller) -> Request {
        self.made += 1;
        let fresh = format!("fresh_{}", self.made);
        // A token cannot make one that carries more than itself.
        let widest = if caller.kind.contains("token") { "BOT" } else { "OWNER" };
        let to = |path: &str, body: Value| Request { path: path.to_owned(), body, success: 200 };
        let audience = &self.audiences[usize::from(caller.kind == "operator")];
        if let Some((path, body)) = audience.request(&operation.id, &operation.path, &fresh).await {
            return Request { path, body, success: 200 };
        }
        if let Some((path, body)) = self.usage_request(operation, caller).await {
            return Request { path, body, success: 200 };
        }
        if let Some((path, body)) = self.trade_request(operation, caller).await {
            return Request { path, body, success: 200 };
        }
        if permissions::need(&operation.id) == Some(Need::Tester) {
            return to(&operation.path.replace("{name}", "x").replace("{id}", "1"), Value::Null);
        }
        if let Some((path, body)) = self.stock_request(operation, caller).await {
            // It can be undone once.
            let undone = operation.id.ends_with("import_undo") || operation.id == "undo_import";
            let success = if undone && self.undone(caller).await { 409 } else { 200 };
            return Request { path, body, success };
        }
        match operation.id.as_str() {
            "run_token_generation" => to(&operation.path, json!({"username": "target", "password": PASSWORD})),
            "run_token_validation" => to(&operation.path, json!("not a real token")),
            "change_password" => to(&operation.path, json!({"current_password": PASSWORD, "new_password": PASSWORD})),
            "update_info" => to(&operation.path, json!({"phone": "+380000000000"})),
            "file" => to("/account/file/file_en.html", Value::Null),
            "read_info"
            | "read_audit"
            | "check"
            | "version"
            | "read_principal"
            | "sign_out_everywhere"
            | "list_tokens"
            | "list_users"
            | "list_companies"
            | "rotate_jwt_key"
            | "list_tasks"
            | "watch_tasks"
            | "list_webhooks"
            | "list_deliveries"
            | "rotate_feedback_secret"
            | "health_live"
            | "health_ready"
            | "read_metrics"
            | "list_backups"
            | "create_backup"
            | "read_outgoing"
            | "release_outgoing" => to(&operation.path, Value::Null),
            "sign_out" => {
                let success = if caller.kind.contains("token") { 409 } else { 200 };
                Request { success, ..to(&operation.path, Value::Null) }
            }
            "read_task" | "cancel_task" | "retry_task" => self.task_request(operation, caller).await,
            "create_token" => to(&operation.path, json!({"name": fresh, "role": widest})),
            "read_token" | "revoke_token" => {
                // Everybody has tokens of their own; whoever has none is shown one of the first company.
                let body = json!({"name": fresh, "role": widest});
                let (id, _) = if caller.rights.is_some() {
                    api_token(&caller.client, body).await
                } else {
                    api_token(&self.operator, json!({"name": fresh, "username": "target", "role": "OWNER"})).await
                };
                to(&format!("/comptoir/v1/tokens/{id}"), Value::Null)
            }
            "create_user" => to(&operation.path, json!({"username": fresh, "roles": []})),
            "read_user" => to("/comptoir/v1/users/target", Value::Null),
            "change_user" => to("/comptoir/v1/users/target", json!({"timezone": 1})),
            "reset_password" => to("/comptoir/v1/users/target/password", json!({"new_password": PASSWORD})),
            "sign_out_user" => to("/comptoir/v1/users/target/sign-out", Value::Null),
            "create_webhook" => to(&operation.path, webhook_at(&fresh)),
            "read_webhook"
            | "change_webhook"
            | "delete_webhook"
            | "rotate_webhook_secret"
            | "ping_webhook"
            | "list_webhook_deliveries"
            | "read_delivery"
            | "redeliver" => self.webhook_request(operation, caller, &fresh).await,
            "read_backup" | "download_backup" | "delete_backup" => {
                let backups =
                    Backups::new(self.server.store().clone(), self.server.clock.clone(), None, 7, app::consistency);
                let take = move || backups.take(&Target::Kept, &mut |_| true);
                let taken = tokio::task::spawn_blocking(take).await.unwrap().unwrap();
                to(&operation.path.replace("{name}", &taken.name.unwrap().to_string()), Value::Null)
            }
            "create_company" => to(&operation.path, json!({"key": fresh, "name": "Fresh"})),
            "read_company" => to("/comptoir/v1/companies/north", Value::Null),
            "change_company" => to("/comptoir/v1/companies/north", json!({"name": "North"})),
            unknown => panic!("operation `{unknown}` has no request here: add one, so that its permissions are tested"),
        }
    }
}

impl World {
    /// A request about one task that waits, or was cancelled.
    async fn task_request(&self, operation: &Operation, caller: &Caller) -> Request {
        // Everybody has work of their own; whoever is nobody is shown some of the first company.
        let owner = if caller.rights.is_some() {
            let me = caller.client.get("/comptoir/v1/me").await.expect(200).json();
            me["username"].as_str().unwrap().to_owned()
        } else {
            "target".to_owned()
        };
        let id = self.server.waiting_task(&owner).await;
        if operation.id == "retry_task" && caller.rights.is_some() {
            let path = format!("/comptoir/v1/tasks/{id}/cancel");
            caller.client.post(&path, Value::Null).await.expect(200);
        }
        Request { path: operation.path.replace("{id}", &id), body: Value::Null, success: 200 }
    }

    /// A request about one webhook, or one delivery.
    async fn webhook_request(&self, operation: &Operation, caller: &Caller, fresh: &str) -> Request {
        // As with tokens: whoever may have one is asked for its own.
        let own = caller.rights.is_some_and(|(roles, _)| roles.has(Role::Admin));
        let owner = if own { &caller.client } else { &self.operator };
        let (webhook, delivery) = webhook(owner, fresh).await;
        let id =
            if operation.id.ends_with("deliver") || operation.id.ends_with("delivery") { delivery } else { webhook };
        let body = if operation.id == "change_webhook" { json!({"enabled": true}) } else { Value::Null };
        // One that is still on its way is not begun again.
        let success = if operation.id == "redeliver" { 409 } else { 200 };
        Request { path: operation.path.replace("{id}", &id), body, success }
    }

    /// Whether the completed import of the caller's company was undone already.
    async fn undone(&self, caller: &Caller) -> bool {
        let (stock, admin) = match caller.kind {
            "operator" => (&self.stocks[1], &self.operator),
            _ => (&self.stocks[0], &self.arranger),
        };
        let path = format!("/comptoir/v1/nomenclature/imports/{}", stock.import);
        admin.get(&path).await.expect(200).json()["undo"] != "no"
    }

    /// A request about connectors, or one about usage, of the caller's own: whoever is nobody, or of another company, is shown that of `target`.
    async fn usage_request(&self, operation: &Operation, caller: &Caller) -> Option<(String, Value)> {
        let statistics = &self.statistics[usize::from(caller.kind == "operator")];
        let fresh = format!("fresh_{}", self.made);
        if let Some(request) = statistics.request(&operation.id, &operation.path, &fresh).await {
            return Some(request);
        }
        let (admin, owner) = match caller.kind {
            "operator" => (&self.operator, "operator"),
            "BOT token of an ADMIN" => (&self.arranger, "both"),
            _ if caller.foreign || caller.rights.is_none() => (&self.arranger, "target"),
            _ => (&self.arranger, caller.username.unwrap_or("target")),
        };
        usage::request(admin, owner, &operation.id, &operation.path).await
    }
}

fn webhook_at(host: &str) -> Value {
    json!({"url": format!("https://{}.example/", host.replace('_', "-")), "events": ["task_ended"]})
}

/// A webhook of `owner`'s company, made if there is none, and a delivery to it.
async fn webhook(owner: &Client, host: &str) -> (String, String) {
    let known = owner.get("/comptoir/v1/webhooks").await.expect(200).json();
    let webhook = if let Some(id) = known["items"][0]["id"].as_str() {
        id.to_owned()
    } else {
        let made = owner.post("/comptoir/v1/webhooks", webhook_at(host)).await.expect(200).json();
        made["webhook"]["id"].as_str().unwrap().to_owned()
    };
    let ping = owner.post(&format!("/comptoir/v1/webhooks/{webhook}/ping"), Value::Null).await.expect(200).json();
    (webhook, ping["id"].as_str().unwrap().to_owned())
}

impl Caller {
    /// Whether it holds an API token that was cut down to one role below ADMIN.
    fn is_cut_down(&self) -> bool {
        self.kind.contains("BOT token")
    }
}

/// Whether a request names a row of [`HOME`] by name, which is not there for another company.
fn names_a_row_at_home(operation: &str) -> bool {
    matches!(operation, "read_user" | "change_user" | "reset_password" | "sign_out_user" | "read_company")
        || rights::names_a_row(operation)
        || usage::names_a_row(operation)
        || traders::names_a_row(operation)
        || connectors::names_a_row(operation)
        || stock::names_a_row(operation)
}

/// The status `caller` must get.
fn expected(operation: &Operation, caller: &Caller, success: u16) -> u16 {
    let need = permissions::need(&operation.id).unwrap_or_else(|| panic!("{} has no row in the table", operation.id));
    match (need, caller.rights) {
        (Need::Public, _) => success,
        // There are no test controls here, for nobody: not even whether there are is told.
        (Need::Tester, _) => 404,
        (_, None) => 401,
        (Need::Personal, Some(_)) if caller.is_cut_down() => 403,
        // A token with one role may make another like it, and end none but itself.
        (Need::SignedIn, Some(_)) if operation.id == "revoke_token" && caller.is_cut_down() => 403,
        (Need::Operator, Some((_, operator))) if !operator => 403,
        (Need::Any(wanted), Some((roles, _))) if !roles.meets(wanted) => 403,
        _ if caller.foreign && names_a_row_at_home(&operation.id) => 404,
        _ => success,
    }
}

async fn send(client: &Client, operation: &Operation, request: &Request) -> Answer {
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    let mut call = client.call(method, &request.path);
    if operation.path.starts_with("/v5/orgs") {
        call = lp(call, "en-US");
    }
    if operation.meta["requestBody"]["content"].get(XLSX).is_some() {
        return call.header("content-type", XLSX).body(priced(&[("fresh", "1", 79)])).send().await;
    }
    if operation.meta["requestBody"]["content"].get("application/x-www-form-urlencoded").is_some() {
        let fields = request.body.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        return call.header("content-type", "application/x-www-form-urlencoded").body(form).send().await;
    }
    call.json(&request.body).send().await
}

#[tokio::test]
async fn every_operation_lets_in_whom_the_table_lets_in_and_nobody_else() {
    let mut world = World::new().await;
    let mut wrong = Vec::new();
    for operation in contract::published().operations() {
        for caller in 0..world.callers.len() {
            let caller = world.refresh(caller).await;
            let request = world.request(operation, &caller).await;
            let expected = expected(operation, &caller, request.success);
            let answer = send(&caller.client, operation, &request).await;
            if standing(&request.path, &answer) != expected {
                let (id, kind) = (&operation.id, caller.kind);
                wrong.push(format!("{id} as {kind}: expected {expected}, got {}", answer.shown()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many actions of an operation the audit has.
async fn recorded(reader: &Client, operation: &str) -> u64 {
    let audit = reader.get(&format!("/account/audit?operation={operation}&limit=1")).await.expect(200).json();
    audit["counters"]["filter"]["total"].as_u64().unwrap()
}

#[tokio::test]
async fn whatever_changes_exports_or_ingests_something_is_recorded_once_and_nothing_else_is() {
    let mut world = World::new().await;
    let mut wrong = Vec::new();
    // Tokens, which outlive what is tried here.
    let readers = [world.audiences[0].admin.clone(), world.operator.clone()];
    for operation in contract::published().operations() {
        let installation = permissions::need(&operation.id) == Some(Need::Operator);
        let kind = if installation { "operator" } else { "ADMIN" };
        let caller = world.callers.iter().position(|caller| caller.kind == kind).unwrap();
        let caller = world.refresh(caller).await;
        let reader = &readers[usize::from(installation)];
        // Ingest is recorded once a minute.
        world.server.clock.advance(std::time::Duration::from_mins(1));
        let request = world.request(operation, &caller).await;
        world.server.clock.advance(std::time::Duration::from_mins(1));
        let before = recorded(reader, &operation.id).await;
        let answer = send(&caller.client, operation, &request).await;
        let after = recorded(reader, &operation.id).await;
        let expected = match permissions::effect(&operation.id).unwrap() {
            Effect::Nothing | Effect::Reads => 0,
            Effect::SignsIn | Effect::Changes | Effect::Exports | Effect::Downloads | Effect::Ingests => {
                u64::from(standing(&request.path, &answer) == 200)
            }
        };
        if after - before != expected {
            wrong.push(format!("{}: recorded {} times instead of {expected}", operation.id, after - before));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.server.audit_findings(), Vec::<String>::new());
}

#[test]
fn the_table_has_a_row_for_each_operation_and_no_other() {
    let published: BTreeSet<_> =
        contract::published().operations().iter().map(|operation| operation.id.as_str()).collect();
    let rows: BTreeSet<_> = TABLE.iter().map(|(id, _, _)| *id).collect();
    assert_eq!(published, rows);
}

#[test]
fn what_needs_a_credential_says_so_in_the_document_and_what_does_not_does_not() {
    for operation in contract::published().operations() {
        let guarded = permissions::need(&operation.id) != Some(Need::Public);
        let says = operation.meta["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_eq!(says, guarded, "{}", operation.id);
    }
}

/// A schedule.
const ONE_DAY: &str =
    r#"{"id": 1, "name": "x", "dateStart": 1800000000, "timeFrom": "09:00:00", "timeTo": "21:00:00"}"#;

/// Every way to name a row of another company: method, path and body. `{}` stands for the name.
const BY_NAME: &[(&str, &str, &str)] = &[
    ("read_user", "/comptoir/v1/users/{user}", ""),
    ("change_user", "/comptoir/v1/users/{user}", r#"{"enabled": false}"#),
    ("reset_password", "/comptoir/v1/users/{user}/password", r#"{"new_password": "a stolen password"}"#),
    ("sign_out_user", "/comptoir/v1/users/{user}/sign-out", ""),
    ("list_users", "/comptoir/v1/users?company_key={company}", ""),
    ("create_user", "/comptoir/v1/users", r#"{"username": "spy", "company_key": "{company}", "roles": []}"#),
    ("list_tokens", "/comptoir/v1/tokens?username={user}", ""),
    ("create_token", "/comptoir/v1/tokens", r#"{"name": "x", "username": "{user}", "role": "OWNER"}"#),
    ("read_token", "/comptoir/v1/tokens/{token}", ""),
    ("revoke_token", "/comptoir/v1/tokens/{token}", ""),
    ("read_company", "/comptoir/v1/companies/{company}", ""),
    ("read_webhook", "/comptoir/v1/webhooks/{webhook}", ""),
    ("change_webhook", "/comptoir/v1/webhooks/{webhook}", r#"{"enabled": false}"#),
    ("delete_webhook", "/comptoir/v1/webhooks/{webhook}", ""),
    ("rotate_webhook_secret", "/comptoir/v1/webhooks/{webhook}/rotate-secret", ""),
    ("ping_webhook", "/comptoir/v1/webhooks/{webhook}/ping", ""),
    ("list_webhook_deliveries", "/comptoir/v1/webhooks/{webhook}/deliveries", ""),
    ("read_delivery", "/comptoir/v1/deliveries/{delivery}", ""),
    ("redeliver", "/comptoir/v1/deliveries/{delivery}/redeliver", ""),
    ("read_audience_list", "/comptoir/v1/audience/lists/{number}", ""),
    ("change_audience_list", "/comptoir/v1/audience/lists/{number}", r#"{"name": "stolen"}"#),
    ("read_audience_resource", "/comptoir/v1/audience/resources/{number}", ""),
    ("change_audience_resource", "/comptoir/v1/audience/resources/{number}", r#"{"enabled": false}"#),
    ("read_resource", "/api/v1.1/resources/get", r#"{"id": {number}}"#),
    ("read_resource_counters", "/api/v1.1/resources/get_counters", r#"{"id": {number}, "list_id": {number}}"#),
    (
        "refresh_database_counters",
        "/api/v1.1/databases/refresh_counters",
        r#"{"id": {number}, "resource_id": {number}}"#,
    ),
    ("import_profile", "/api/v1.1/profiles/import", r#"{"db_id": {number}, "data": {"email": "a@example.com"}}"#),
    ("read_data", "/account/data/{process}", ""),
    ("report_process", "/comptoir/v1/processes", r#"{"process_code": "{process}", "finish": {"status": "FAILED"}}"#),
    ("list_processes", "/comptoir/v1/processes?username={user}", ""),
    ("read_process", "/comptoir/v1/processes/{process}", ""),
    (
        "attach_requests",
        "/comptoir/v1/processes/{process}/requests",
        r#"{"requests": [{"request_code": "00000000-0000-4000-8000-000000000001", "operation": "stolen"}]}"#,
    ),
    ("finish_process", "/comptoir/v1/processes/{process}/finish", r#"{"status": "FAILED"}"#),
    ("upload_process_file", "/comptoir/v1/processes/{process}/files/OUTPUT", r#""stolen""#),
    ("download_process_file", "/comptoir/v1/processes/{process}/files/INPUT", ""),
    ("delete_process_file", "/comptoir/v1/processes/{process}/files/INPUT", ""),
    ("set_quota", "/comptoir/v1/quotas/{user}/UNIVERSAL/PLAN", "{}"),
    ("delete_quota", "/comptoir/v1/quotas/{user}/AGRO/TRACE", ""),
    ("list_schedules", "/api/distribex/producer/schedules?gln={gln}", ""),
    ("create_schedule", "/api/distribex/producer/schedules?gln={gln}", ONE_DAY),
    ("replace_schedule", "/api/distribex/producer/schedules?gln={gln}", ONE_DAY),
    ("delete_schedule", "/api/distribex/producer/schedules?gln={gln}&schedule_id=1", ""),
    ("find_distributor_schedules", "/api/distribex/distributor/schedules?gln={gln}", "[700]"),
    ("list_schedule_days", "/api/distribex/distributor/schedules/days?gln={gln}&producer_id=700&year=2026&month=3", ""),
    ("read_party", "/comptoir/v1/parties/{number}", ""),
    ("change_party", "/comptoir/v1/parties/{number}", r#"{"enabled": false}"#),
    ("read_user_parties", "/comptoir/v1/users/{user}/parties", ""),
    ("set_user_parties", "/comptoir/v1/users/{user}/parties", r#"{"parties": []}"#),
    ("check_order_window", "/comptoir/v1/order-windows/check?producer={number}&distributor=710", ""),
    (
        "explain_order_window",
        "/comptoir/v1/order-windows/explain?producer={number}&distributor=710&date=2026-03-03",
        "",
    ),
    ("list_schedule_exceptions", "/comptoir/v1/schedules/{schedule}/exceptions", ""),
    ("set_schedule_exception", "/comptoir/v1/schedules/{schedule}/exceptions/2026-03-03", r#"{"kind": "SKIP"}"#),
    ("delete_schedule_exception", "/comptoir/v1/schedules/{schedule}/exceptions/2026-03-03", ""),
    ("create_calendar_feed", "/comptoir/v1/calendar-feeds", r#"{"name": "x", "distributor": "{number}"}"#),
    ("revoke_calendar_feed", "/comptoir/v1/calendar-feeds/{feed}", ""),
    ("list_latest_values", "/comptoir/v1/connectors/values?system={user}", ""),
    ("list_keys", "/comptoir/v1/connectors/keys?system={user}", ""),
    ("read_series", "/comptoir/v1/connectors/series?system={user}&key=target.key", ""),
    ("read_series_buckets", "/comptoir/v1/connectors/series/buckets?system={user}&key=target.key", ""),
    (
        "compare_merchants",
        "/comptoir/v1/connectors/series/comparison?system={user}&key=target.key&merchant={user}&other_merchant={user}",
        "",
    ),
    ("export_series", "/comptoir/v1/connectors/series/export?system={user}&key=target.key", ""),
    ("read_external_system", "/comptoir/v1/connectors/systems/{user}", ""),
    ("change_external_system", "/comptoir/v1/connectors/systems/{user}", r#"{"enabled": false}"#),
    ("read_merchant", "/comptoir/v1/connectors/merchants/{user}", ""),
    ("change_merchant", "/comptoir/v1/connectors/merchants/{user}", r#"{"enabled": false}"#),
    (
        "create_alert_rule",
        "/comptoir/v1/connectors/alert-rules",
        r#"{"name": "spy", "key": "target.key", "system": "{user}", "condition": "above", "threshold": 1}"#,
    ),
    ("read_alert_rule", "/comptoir/v1/connectors/alert-rules/{rule}", ""),
    ("change_alert_rule", "/comptoir/v1/connectors/alert-rules/{rule}", r#"{"enabled": false}"#),
    ("delete_alert_rule", "/comptoir/v1/connectors/alert-rules/{rule}", ""),
    ("list_nomenclature_imports", "/v5/orgs/{org}/async/imports/nomenclature", ""),
    ("create_nomenclature_import", "/v5/orgs/{org}/async/imports/nomenclature:new.xlsx", ""),
    ("read_nomenclature_import", "/v5/orgs/{own_org}/async/imports/nomenclature/{import}", ""),
    ("confirm_nomenclature_import", "/v5/orgs/{own_org}/async/imports/nomenclature/{import}/confirm", ""),
    ("cancel_nomenclature_import", "/v5/orgs/{own_org}/async/imports/nomenclature/{import}/cancel", ""),
    ("delete_nomenclature_import", "/v5/orgs/{own_org}/async/imports/nomenclature/{import}", ""),
    ("download_nomenclature_report", "/v5/orgs/{own_org}/async/imports/nomenclature/{import}/report.xlsx", ""),
    ("watch_nomenclature_import", "/v5/orgs/{own_org}/async/imports/nomenclature/{import}/events", ""),
    ("download_nomenclature_template", "/v5/orgs/{org}/async/imports/nomenclature-template.xlsx", ""),
    ("list_goods", "/v5/orgs/{org}/nomenclature", ""),
    ("read_good", "/v5/orgs/{own_org}/nomenclature/{good}", ""),
    ("change_good", "/v5/orgs/{own_org}/nomenclature/{good}", r#"{"name": "stolen"}"#),
    ("export_goods", "/v5/orgs/{org}/nomenclature.xlsx", ""),
    ("read_organization_import", "/comptoir/v1/nomenclature/imports/{import}", ""),
    ("preview_import_undo", "/comptoir/v1/nomenclature/imports/{import}/undo", ""),
    ("undo_import", "/comptoir/v1/nomenclature/imports/{import}/undo", "{}"),
    ("list_tasks", "/comptoir/v1/tasks?username={user}", ""),
    ("read_task", "/comptoir/v1/tasks/{task}", ""),
    ("cancel_task", "/comptoir/v1/tasks/{task}/cancel", ""),
    ("retry_task", "/comptoir/v1/tasks/{task}/retry", ""),
];

/// What a row of another company is answered like: one that is not there at all.
#[tokio::test]
async fn another_companys_row_is_not_found_in_the_words_of_one_that_is_not_there() {
    let server = TestServer::start().await;
    server.company(HOME).await;
    server.company("south").await;
    let home = server.user(HOME, "target", &["ADMIN"]).await;
    let (token, secret) = api_token(&home, json!({"name": "x", "role": "OWNER"})).await;
    let (webhook, delivery) = webhook(&home, "target").await;
    Rows::make(home.clone()).await;
    let trade = Trade::make(home.clone()).await;
    let statistics = Statistics::make(home.clone()).await;
    let task = server.waiting_task("target").await;
    let process = usage::process(&home, "target").await.to_string();
    let stock = Stock::make(&server, &home, HOME).await;
    let foreign = server.user("south", "foreign", &["ADMIN"]).await;
    let own_org = crate::nomenclature::org_of(&foreign, "south").await;

    for (id, path, body) in BY_NAME {
        let operation = contract::published().operations().iter().find(|known| known.id == *id).unwrap();
        let mut answers = Vec::new();
        let absent = "00000000-0000-4000-8000-000000000000";
        let schedule = trade.schedule.to_string();
        for (
            user,
            company,
            number,
            schedule,
            [token, webhook, delivery, task, process, feed, rule, org, import, good],
        ) in [
            (
                "target",
                HOME,
                "700",
                schedule.as_str(),
                [
                    token.as_str(),
                    &webhook,
                    &delivery,
                    &task,
                    &process,
                    &trade.feed.0,
                    &statistics.rule,
                    &stock.org,
                    &stock.import,
                    &stock.good,
                ],
            ),
            ("absent", "nowhere", "701", "4242", [absent; 10]),
        ] {
            let gln = gln(number.parse().unwrap());
            let fill = |text: &str| {
                let text = text.replace("{user}", user).replace("{company}", company).replace("{token}", token);
                text.replace("{webhook}", webhook)
                    .replace("{delivery}", delivery)
                    .replace("{task}", task)
                    .replace("{process}", process)
                    .replace("{feed}", feed)
                    .replace("{rule}", rule)
                    .replace("{own_org}", &own_org)
                    .replace("{org}", org)
                    .replace("{import}", import)
                    .replace("{good}", good)
                    .replace("{schedule}", schedule)
                    .replace("{gln}", &gln)
                    .replace("{number}", number)
            };
            let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&fill(body)).unwrap() };
            let answer = send(&foreign, operation, &Request { path: fill(path), body, success: 404 }).await;
            assert_eq!(standing(path, &answer), 404, "{id}: {}", answer.shown());
            let body = answer.shown();
            answers.push(
                [user, company, number, schedule, &gln]
                    .iter()
                    .fold(body, |body, name| body.replace(&format!("`{name}`"), "`name`")),
            );
        }
        assert_eq!(answers[0], answers[1], "{id}");
    }
    // Nothing of it had an effect.
    home.get("/account/info").await.expect(200);
    server.bearing(&secret).get("/account/info").await.expect(200);
    server.sign_in("target", PASSWORD).await;
}

#[test]
fn every_operation_that_names_a_row_in_its_path_stands_among_those_tried_by_name() {
    let tried: BTreeSet<_> = BY_NAME.iter().map(|(id, _, _)| *id).collect();
    for operation in contract::published().operations() {
        let reachable = !matches!(permissions::need(&operation.id), Some(Need::Public | Need::Operator | Need::Tester));
        // A day is no row.
        if operation.path.replace("{date}", "").contains('{') && reachable {
            assert!(tried.contains(operation.id.as_str()), "{} is not tried with another company's row", operation.id);
        }
    }
}

#[tokio::test]
async fn no_list_shows_another_companys_rows() {
    let server = TestServer::start().await;
    server.company(HOME).await;
    server.company("south").await;
    let home = server.user(HOME, "target", &["ADMIN"]).await;
    api_token(&home, json!({"name": "the token of target", "role": "OWNER"})).await;
    webhook(&home, "target").await;
    Rows::make(home.clone()).await;
    Trade::make(home.clone()).await;
    Stock::make(&server, &home, HOME).await;
    let suppressed = json!({"addresses": ["target@example.com"]});
    home.post("/comptoir/v1/audience/suppressed", suppressed).await.expect(200);
    Statistics::make(home.clone()).await;
    usage::process(&home, "target").await;
    let foreign = server.user("south", "foreign", &["ADMIN"]).await;
    for operation in contract::published().operations() {
        let listed =
            operation.method == "GET" && !operation.path.contains('{') && !operation.meta["parameters"].is_null();
        // What has to be named is tried by name.
        let mut parameters = operation.meta["parameters"].as_array().into_iter().flatten();
        let named = parameters.any(|parameter| parameter["name"] == "gln" || parameter["required"] == true);
        let foreign_to_all = matches!(permissions::need(&operation.id), Some(Need::Operator | Need::Tester));
        if listed && !named && !foreign_to_all {
            let answer = foreign.get(&operation.path).await.expect(200);
            if operation.id == "generate_report" {
                // A workbook is no text: its cells are read where it is tested.
                continue;
            }
            if operation.id == "list_tasks" {
                // A task names nobody: the deliveries of the webhook are there, or they are not.
                let own = home.get(&operation.path).await.expect(200).json();
                assert_eq!(answer.json()["items"], json!([]));
                assert_ne!(own["items"], json!([]));
                continue;
            }
            assert!(!answer.text().contains("target"), "{}: {}", operation.id, answer.shown());
            let own = home.get(&operation.path).await.expect(200);
            assert!(own.text().contains("target"), "{}: {}", operation.id, own.shown());
        }
    }
}
