//! The hot statements find their rows through the indexes they were written for.

use rusqlite::Connection;

use super::{ABANDONED, CLAIM, DELETE_ENDED, DUE, FIND_BY_KEY, LIST, LIST_BY_KIND, LIST_BY_OWNER, LIST_BY_STATE};
use crate::store::MIGRATIONS;

/// What the plan of a statement must say, and what it must not.
struct Plan {
    name: &'static str,
    statement: &'static str,
    says: &'static [&'static str],
    never: &'static [&'static str],
}

const SORTED: &[&str] = &["SCAN", "TEMP B-TREE"];

const PLANS: &[Plan] = &[
    Plan {
        name: "claim",
        statement: CLAIM,
        says: &[
            "w USING INDEX tasks_due (kind=? AND tenant=? AND run_at<?)",
            "r USING INDEX tasks_running (kind=? AND tenant=?)",
            "o USING INDEX tasks_unfinished_key (kind=? AND tenant=? AND dedupe_key=?)",
            "c USING INTEGER PRIMARY KEY (rowid=?)",
            "tasks USING INTEGER PRIMARY KEY (rowid=?)",
        ],
        never: &["SCAN tasks", "SCAN w", "SCAN r", "SCAN o", "SCAN c\n", "SCAN t\n"],
    },
    Plan {
        name: "due",
        statement: DUE,
        says: &[
            "w USING INDEX tasks_due (kind=? AND tenant=? AND run_at<?)",
            "w USING INDEX tasks_due (kind=? AND tenant=? AND run_at>?)",
            "t USING INDEX tasks_due (kind=? AND tenant>?)",
        ],
        never: &["SCAN tasks", "SCAN w", "SCAN t\n"],
    },
    Plan {
        name: "join",
        statement: FIND_BY_KEY,
        says: &["tasks_unfinished_key (kind=? AND tenant=? AND dedupe_key=?)"],
        never: &["SCAN"],
    },
    Plan { name: "list", statement: LIST, says: &["tasks_by_company (company_id=? AND id<?)"], never: SORTED },
    Plan {
        name: "list of an owner",
        statement: LIST_BY_OWNER,
        says: &["tasks_by_owner (company_id=? AND user_id=? AND id<?)"],
        never: SORTED,
    },
    Plan {
        name: "list of a kind",
        statement: LIST_BY_KIND,
        says: &["tasks_by_company_kind (company_id=? AND kind=? AND id<?)"],
        never: SORTED,
    },
    Plan {
        name: "list of a state",
        statement: LIST_BY_STATE,
        says: &["tasks_by_company_state (company_id=? AND state=? AND id<?)"],
        never: SORTED,
    },
    Plan { name: "take-over", statement: ABANDONED, says: &["tasks_running"], never: &["TEMP B-TREE"] },
    Plan { name: "retention", statement: DELETE_ENDED, says: &["tasks_ended (ended_at<?)"], never: SORTED },
];

#[test]
fn hot_statements_use_their_indexes() {
    let connection = Connection::open_in_memory().expect("a database");
    for migration in MIGRATIONS {
        connection.execute_batch(migration.sql).expect("a schema");
    }
    for Plan { name, statement, says, never } in PLANS {
        let mut explain = connection.prepare(&["EXPLAIN QUERY PLAN ", statement].concat()).expect("a statement");
        // Parameters stay NULL: the plan does not depend on them.
        let (mut steps, mut plan) = (explain.raw_query(), String::new());
        while let Some(step) = steps.next().expect("a plan") {
            plan += &step.get::<_, String>(3).expect("a step");
            plan.push('\n');
        }
        for text in *says {
            assert!(plan.contains(text), "{name} does not say {text:?}:\n{plan}");
        }
        for text in *never {
            assert!(!plan.contains(text), "{name} says {text:?}:\n{plan}");
        }
    }
}
