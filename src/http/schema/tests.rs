//! The schema checker by tables: a value, a schema, and every fault that must be named.

use std::collections::HashMap;

use poem_openapi::types::{Any, MaybeUndefined, ParseFromJSON};
use poem_openapi::{Enum, Object, Union};
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[derive(Debug, Enum)]
#[oai(rename_all = "UPPERCASE")]
enum Role {
    Admin,
    User,
}

/// Somebody who may sign in.
#[derive(Debug, Object)]
struct Account {
    #[oai(validator(min_length = 3, max_length = 8, pattern = "^[a-zа-я]+$"))]
    login: String,
    #[oai(validator(minimum(value = "60"), maximum(value = "31556926")))]
    ttl: i32,
    /// With a description, the reference becomes an `allOf`.
    #[oai(nullable)]
    role: Option<Role>,
    active: Option<bool>,
    #[oai(validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    share: Option<f64>,
    #[oai(validator(multiple_of = 5.0))]
    step: Option<u8>,
    #[oai(validator(max_items = 2, unique_items))]
    tags: Option<Vec<String>>,
    #[oai(default)]
    items: Vec<Item>,
    labels: Option<HashMap<String, i64>>,
    #[oai(nullable)]
    note: MaybeUndefined<String>,
    extra: Option<Any<Value>>,
    #[oai(read_only)]
    id: i64,
}

#[derive(Debug, Object)]
struct Item {
    key: String,
    #[oai(default)]
    parts: Vec<Item>,
}

#[derive(Debug, Object)]
struct Card {
    number: String,
}

#[derive(Debug, Object)]
struct Cash {
    cents: i64,
}

#[derive(Debug, Union)]
#[oai(discriminator_name = "by", rename_all = "lowercase")]
enum Payment {
    Card(Card),
    Cash(Cash),
}

#[derive(Debug, Union)]
#[oai(one_of)]
enum Loose {
    Card(Card),
    Cash(Cash),
}

#[derive(Debug, Object)]
struct Bill {
    /// How.
    payment: Payment,
    loose: Option<Loose>,
}

fn faults<T: Type + 'static>(value: &Value, unknown: Unknown) -> Vec<String> {
    Schema::of::<T>().check(value, unknown).iter().map(|error| format!("{}: {}", error.field, error.rule)).collect()
}

fn account(changes: Value) -> Value {
    let mut account = json!({"login": "alice", "ttl": 60});
    let (Value::Object(whole), Value::Object(changes)) = (&mut account, changes) else { panic!("objects") };
    whole.extend(changes);
    account
}

#[test]
fn a_value_that_fits_has_no_faults() {
    let full = account(json!({
        "login": "борисов", "role": "ADMIN", "active": true, "share": 1, "step": 10, "tags": ["a", "b"],
        "items": [{"key": "k", "parts": [{"key": "l"}]}], "labels": {"x": 1}, "note": null, "extra": {"any": [null]},
    }));
    assert_eq!(faults::<Account>(&full, Unknown::Refuse), [""; 0]);
    assert!(Account::parse_from_json(Some(full)).is_ok());
    assert_eq!(faults::<Account>(&account(json!({"role": null})), Unknown::Refuse), [""; 0]);
}

#[test]
fn each_rule_is_named_with_its_limit() {
    let cases = [
        (json!({"login": "ab"}), "login: must have at least 3 characters (has 2)"),
        (json!({"login": "жжжжжжжжж"}), "login: must have at most 8 characters (has 9)"),
        (json!({"login": "Alice"}), "login: must match the pattern ^[a-zа-я]+$"),
        (json!({"login": 12345}), "login: must be a string (is a number)"),
        (json!({"login": null}), "login: must not be null"),
        (json!({"login": "ab\u{0}c"}), "login: must not contain the NUL character"),
        (json!({"ttl": 59}), "ttl: must be an integer from 60 to 31556926"),
        (json!({"ttl": 31_556_927}), "ttl: must be an integer from 60 to 31556926"),
        (json!({"ttl": 1e30}), "ttl: must be an integer from 60 to 31556926"),
        (json!({"ttl": 60.5}), "ttl: must be an integer from 60 to 31556926"),
        (
            json!({"ttl": 61.0}),
            "ttl: must be an integer from 60 to 31556926, written without a fraction or an exponent",
        ),
        (json!({"ttl": "60"}), "ttl: must be an integer from 60 to 31556926 (is a string)"),
        (json!({"ttl": true}), "ttl: must be an integer from 60 to 31556926 (is a boolean)"),
        (json!({"role": "BOSS"}), "role: must be one of ADMIN, USER"),
        (json!({"role": 1}), "role: must be one of ADMIN, USER"),
        (json!({"active": 1}), "active: must be true or false (is a number)"),
        (json!({"active": null}), "active: must not be null"),
        (json!({"share": 0}), "share: must be a number above 0 and of at most 1"),
        (json!({"share": 1.5}), "share: must be a number above 0 and of at most 1"),
        (json!({"share": "1"}), "share: must be a number above 0 and of at most 1 (is a string)"),
        (json!({"step": 7}), "step: must be a multiple of 5"),
        (json!({"step": 260}), "step: must be an integer from 0 to 255"),
        (json!({"step": -5}), "step: must be an integer from 0 to 255"),
        (json!({"tags": ["a", "b", "c"]}), "tags: must have at most 2 items (has 3)"),
        (json!({"tags": ["a", "a"]}), "tags: must not contain the same item twice"),
        (json!({"tags": {"a": 1}}), "tags: must be an array (is an object)"),
        (json!({"tags": ["a", false]}), "tags[1]: must be a string (is a boolean)"),
        (json!({"items": [{"key": "a"}, {}]}), "items[1].key: is required"),
        (
            json!({"items": [{"key": "a", "parts": [{"key": 1}]}]}),
            "items[0].parts[0].key: must be a string (is a number)",
        ),
        (json!({"labels": {"a": 1, "b": "2"}}), "labels.b: must be an integer (is a string)"),
        (json!({"labels": {"a": 1, "b\u{0}": 2}}), "labels.b\u{fffd}: must not contain the NUL character"),
        (json!({"extra": [{"deep": "\u{0}"}]}), "extra[0].deep: must not contain the NUL character"),
        (json!({"id": 1}), "id: is read-only and must not be sent"),
        (json!({"rle": "ADMIN"}), "rle: is not a known field (did you mean role?)"),
        (json!({"Login": "x"}), "Login: is not a known field (did you mean login?)"),
        (json!({"colour": 1}), "colour: is not a known field"),
    ];
    for (changes, expected) in cases {
        assert_eq!(faults::<Account>(&account(changes.clone()), Unknown::Refuse), [expected], "{changes}");
    }
}

#[test]
fn every_field_at_fault_is_reported_and_missing_ones_last() {
    let value = json!({"ttl": 1, "items": [{"key": 5}, 7]});
    assert_eq!(
        faults::<Account>(&value, Unknown::Refuse),
        [
            "ttl: must be an integer from 60 to 31556926",
            "items[0].key: must be a string (is a number)",
            "items[1]: must be an object (is a number)",
            "login: is required",
        ]
    );
    assert_eq!(faults::<Account>(&json!([]), Unknown::Refuse), ["body: must be an object (is an array)"]);
    assert_eq!(faults::<Account>(&Value::Null, Unknown::Refuse), ["body: must not be null"]);
}

#[test]
fn unknown_properties_are_ignored_on_request_but_not_what_no_database_can_hold() {
    let value = account(json!({"colour": {"r": 1}, "items": [{"key": "a", "new": 1}]}));
    assert_eq!(faults::<Account>(&value, Unknown::Ignore), [""; 0]);
    assert_eq!(
        faults::<Account>(&value, Unknown::Refuse),
        ["colour: is not a known field", "items[0].new: is not a known field"]
    );
    let value = account(json!({"colour": {"r": ["\u{0}"]}, "a\u{0}": 1}));
    assert_eq!(
        faults::<Account>(&value, Unknown::Ignore),
        ["colour.r[0]: must not contain the NUL character", "a\u{fffd}: must not contain the NUL character"]
    );
}

#[test]
fn a_discriminator_names_the_form_whose_faults_are_reported() {
    let check = |payment: Value| faults::<Bill>(&json!({"payment": payment}), Unknown::Refuse);
    assert_eq!(check(json!({"by": "cash", "cents": 5})), [""; 0]);
    assert_eq!(check(json!({"by": "cash"})), ["payment.cents: is required"]);
    assert_eq!(check(json!({"by": "card", "number": "1", "cents": 5})), ["payment.cents: is not a known field"]);
    assert_eq!(check(json!({"by": "gold"})), ["payment.by: must be one of card, cash"]);
    assert_eq!(check(json!({})), ["payment.by: is required"]);
    assert_eq!(check(json!(3)), ["payment: must be an object (is a number)"]);
}

#[test]
fn without_a_discriminator_the_nearest_form_is_reported() {
    let check = |loose: Value, unknown| {
        faults::<Bill>(&json!({"payment": {"by": "cash", "cents": 5}, "loose": loose}), unknown)
    };
    assert_eq!(check(json!({"number": "1"}), Unknown::Refuse), [""; 0]);
    assert_eq!(check(json!({"cents": "1"}), Unknown::Refuse), ["loose.cents: must be an integer (is a string)"]);
    assert_eq!(
        check(json!({"cents": 1, "number": "1"}), Unknown::Ignore),
        ["loose: must match exactly one of the permitted forms"]
    );
}

#[test]
fn a_type_that_is_no_object_is_checked_too() {
    assert_eq!(faults::<String>(&json!("a.b.c"), Unknown::Refuse), [""; 0]);
    assert_eq!(faults::<String>(&json!(5), Unknown::Refuse), ["body: must be a string (is a number)"]);
    assert_eq!(faults::<Vec<i32>>(&json!([1, 2.5]), Unknown::Refuse), ["[1]: must be an integer"]);
    assert_eq!(
        faults::<Vec<i32>>(&json!([1_i64 << 40]), Unknown::Refuse),
        ["[0]: must be an integer from -2147483648 to 2147483647"]
    );
}

#[test]
fn formats_are_checked_as_far_as_their_types_would() {
    let admits = |name, text: &str| {
        let mut schema = MetaSchema::new("string");
        schema.format = Some(name);
        let registry = Registry::new();
        let mut compiler = Compiler { registry: &registry, nodes: Vec::new(), named: HashMap::new() };
        let root = compiler.reference(&MetaSchemaRef::Inline(Box::new(schema)));
        Schema { nodes: compiler.nodes, root }.check(&text.into(), Unknown::Refuse).is_empty()
    };
    for (format, good, bad) in [
        ("email", "a@b.example", "a.b.example"),
        ("uuid", "67e55044-10b1-426f-9247-bb680e5fe0c8", "67e55044"),
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2026-01-31T23:59:59+03:00", "2026-01-31T23:59:59"),
        ("naive-time", "23:59:59", "25:00:00"),
        ("made-up", "anything", ""),
    ] {
        assert!(admits(format, good), "{format} {good}");
        assert_eq!(admits(format, bad), format == "made-up", "{format} {bad}");
    }
}

#[test]
fn reports_are_bounded_in_number_and_length() {
    let many: Map<String, Value> = (0..1000).map(|n| (format!("{n}{}", "x".repeat(500)), json!(1))).collect();
    let errors = Schema::of::<Account>().check(&Value::Object(many), Unknown::Refuse);
    assert_eq!(errors.len(), MAX_ERRORS);
    assert!(errors.iter().all(|error| error.field.chars().count() <= LONGEST_KEY + 1));
}

#[test]
fn a_rule_never_repeats_a_string_that_was_sent() {
    let secret = "hunter2hunter2";
    let value = account(json!({"login": secret, "ttl": secret, "role": secret, "tags": secret, "note": {"a": secret}}));
    let text = faults::<Account>(&value, Unknown::Refuse).join("\n");
    assert!(!text.contains(secret), "{text}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[a-z]{3,8}".prop_map(Value::from),
        (60..100).prop_map(Value::from),
        Just(Value::from("ADMIN")),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let key = prop_oneof![
            3 => proptest::sample::select(vec![
                "login", "ttl", "role", "active", "share", "step", "tags", "items", "labels", "note", "extra", "id",
                "key", "parts", "payment", "loose", "by", "cents", "number",
            ])
            .prop_map(str::to_owned),
            1 => ".{0,6}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// An account that mostly fits, each field being right or anything.
fn near_account() -> impl Strategy<Value = Value> {
    let field = |right: BoxedStrategy<Value>| prop_oneof![4 => right, 1 => any_json().boxed()];
    let fields = (
        field("[a-z]{2,9}".prop_map(Value::from).boxed()),
        field((59..100).prop_map(Value::from).boxed()),
        field(prop_oneof![Just(json!("USER")), Just(Value::Null)].boxed()),
        field((-1.0..2.0).prop_map(Value::from).boxed()),
        field((0_u16..300).prop_map(Value::from).boxed()),
        field(proptest::collection::vec("[a-c]", 0..3).prop_map(Value::from).boxed()),
        field(Just(json!([{"key": "a", "parts": []}])).boxed()),
        any_json(),
    );
    fields.prop_map(|(login, ttl, role, share, step, tags, items, extra)| {
        json!({"login": login, "ttl": ttl, "role": role, "share": share, "step": step, "tags": tags, "items": items, "extra": extra})
    })
}

proptest! {
    #[test]
    fn whatever_passes_the_check_parses(value in prop_oneof![near_account(), any_json()]) {
        for unknown in [Unknown::Ignore, Unknown::Refuse] {
            if Schema::of::<Account>().check(&value, unknown).is_empty() {
                prop_assert!(Account::parse_from_json(Some(value.clone())).is_ok(), "{value}");
            }
            if Schema::of::<Bill>().check(&value, unknown).is_empty() {
                prop_assert!(Bill::parse_from_json(Some(value.clone())).is_ok(), "{value}");
            }
        }
    }
}
