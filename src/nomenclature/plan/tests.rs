//! What rows do to a catalogue: cases by hand, and a plain model that looks at everything at once.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::*;
use crate::nomenclature::barcodes::Ean13;
use crate::nomenclature::model::Strategy;
use crate::nomenclature::text::fold;

/// An EAN-13 by a small number.
fn ean(number: u64) -> Ean13 {
    let twelve = 482_000_000_000 + number;
    let code = (0..10).find_map(|digit| Ean13::of_number(twelve * 10 + digit).ok());
    code.expect("one digit is right")
}

fn said(name: &str, eans: &[u64], locals: &[&str], archived: Option<bool>) -> Said {
    Said {
        name: name.to_owned(),
        name_folded: fold(name),
        ean13: eans.iter().copied().map(ean).collect(),
        local: locals.iter().map(|code| (*code).to_owned()).collect(),
        archived,
        ..Said::default()
    }
}

/// As the plan does it, and what was said stays.
fn merged(said: &Said, old: Option<&Values>) -> Values {
    super::merged(&mut said.clone(), old)
}

fn good(number: i64, name: &str, eans: &[u64], locals: &[&str], archived: bool) -> Good {
    let values = merged(&said(name, eans, locals, Some(archived)), None);
    let at = Timestamp::from_unix_seconds(0);
    let guid = Uuid::from_u128(number.unsigned_abs().into());
    Good { id: number, good: number + 1_000, guid, since: 1, values, created_at: at, changed_at: at }
}

/// A catalogue and what a sheet does to it: the outcome of each row after all, the counts, and the goods archived.
fn planned(
    goods: &[Good],
    rows: Vec<(Said, bool)>,
    strategy: Strategy,
    by: Attributes,
) -> (Vec<Outcome>, Ended, Vec<Problem>) {
    let mut index = Index::default();
    for good in goods {
        let name = fold(&good.values.name);
        let values = &good.values;
        index.add(
            (good.id, good.good),
            values.archived,
            by.name.then_some(name.as_str()),
            &values.ean13,
            &values.local,
        );
    }
    let mut planner = Planner::new(strategy, by, index);
    let mut outcomes = Vec::new();
    let mut problems = Vec::new();
    for (row, (said, refused)) in (2..).zip(rows) {
        let mut looked = Looked { row, said, problems: Vec::new(), refused, good: None, columns: Columns::default() };
        let find =
            |id| Ok::<_, Infallible>(goods.iter().find(|good| good.id == id).cloned().expect("it is in the catalogue"));
        let Ok(row) = planner.plan(&mut looked, find);
        outcomes.push(row.outcome);
        problems.append(&mut looked.problems);
    }
    let ended = planner.end();
    for late in &ended.late {
        outcomes[late.row as usize - 2] = Outcome::Refuse;
        problems.push(late.clone());
    }
    (outcomes, ended, problems)
}

const BY_EAN: Attributes = Attributes { name: false, ean13: true, local: false };
const BY_ALL: Attributes = Attributes { name: true, ean13: true, local: true };

fn valid(rows: Vec<Said>) -> Vec<(Said, bool)> {
    rows.into_iter().map(|said| (said, false)).collect()
}

fn codes(problems: &[Problem]) -> Vec<(u32, Code)> {
    let mut codes: Vec<_> = problems.iter().map(|problem| (problem.row, problem.code)).collect();
    codes.sort_by_key(|(row, code)| (*row, code.number()));
    codes
}

#[test]
fn matched_goods_are_updated_others_are_made_and_what_is_so_already_stays() {
    let goods = [good(1, "Milk", &[1], &[], false), good(2, "Bread", &[2], &[], false)];
    let rows = valid(vec![
        said("Milk", &[1], &[], None),
        said("White bread", &[2], &[], None),
        said("Butter", &[3], &[], None),
    ]);
    let (outcomes, ended, problems) = planned(&goods, rows, Strategy::Incremental, BY_EAN);
    assert_eq!(outcomes, [Outcome::Unchanged, Outcome::Update, Outcome::Create]);
    assert_eq!((ended.counts.created, ended.counts.updated, ended.counts.unchanged), (1, 1, 1));
    assert_eq!((ended.counts.more_live, ended.archived.len(), problems.len()), (1, 0, 0));
}

#[test]
fn a_full_import_archives_what_no_row_mentions_and_a_refused_row_mentions_too() {
    let goods =
        [good(1, "Milk", &[1], &[], false), good(2, "Bread", &[2], &[], false), good(3, "Old", &[3], &[], true)];
    let rows = vec![(said("Milk", &[1], &[], None), true)];
    let (outcomes, ended, _) = planned(&goods, rows, Strategy::Full, BY_EAN);
    assert_eq!(outcomes, [Outcome::Refuse]);
    assert_eq!(ended.archived.iter().map(|known| known.id).collect::<Vec<_>>(), [2]);
    assert_eq!((ended.counts.archived, ended.counts.more_live, ended.counts.more_archived), (1, -1, 1));
}

#[test]
fn attributes_are_tried_in_their_order_and_none_enabled_makes_every_row_new() {
    let goods = [good(1, "Milk", &[1], &["A"], false), good(2, "Bread", &[2], &["B"], false)];
    let row = || said("bread", &[1], &["B"], None);
    let (_, _, problems) = planned(&goods, valid(vec![row()]), Strategy::Incremental, BY_ALL);
    assert_eq!(
        codes(&problems),
        [(2, Code::BarcodeTaken)],
        "EAN-13 decides for Milk, whose row then takes B from Bread"
    );
    let by_local = Attributes { name: true, ean13: false, local: true };
    let (outcomes, _, problems) =
        planned(&goods, valid(vec![said("Milk", &[], &["B"], None)]), Strategy::Incremental, by_local);
    assert_eq!((outcomes, problems.len()), (vec![Outcome::Update], 0));
    let none = Attributes { name: false, ean13: false, local: false };
    let (outcomes, _, _) = planned(&goods, valid(vec![said("Milk", &[], &[], None)]), Strategy::Incremental, none);
    assert_eq!(outcomes, [Outcome::Create]);
}

#[test]
fn rows_and_goods_that_are_not_one_to_one_are_refused_on_both_sides() {
    let goods = [good(1, "Milk", &[1, 4], &[], false), good(2, "Bread", &[2], &[], false)];
    let rows = valid(vec![
        said("Both", &[1, 2], &[], None),
        said("Milk", &[1], &[], None),
        said("More milk", &[4], &[], None),
    ]);
    let (outcomes, ended, problems) = planned(&goods, rows, Strategy::Full, BY_EAN);
    assert_eq!(outcomes, [Outcome::Refuse, Outcome::Refuse, Outcome::Refuse]);
    let expected = [(2, Code::ManyGoods), (3, Code::BarcodeTwice), (4, Code::SameGood)];
    assert_eq!(codes(&problems), expected, "a row that is refused already is not refused again by later ones");
    assert_eq!((ended.counts.refused, ended.archived.len()), (3, 0), "what is refused is mentioned");
    let rows = valid(vec![said("Milk", &[1], &[], None), said("More milk", &[4], &[], None)]);
    let (outcomes, ended, problems) = planned(&goods, rows, Strategy::Full, BY_EAN);
    assert_eq!(outcomes, [Outcome::Refuse, Outcome::Refuse]);
    assert_eq!(codes(&problems), [(2, Code::SameGood), (3, Code::SameGood)]);
    assert_eq!(ended.archived.iter().map(|known| known.id).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_code_twice_in_the_file_refuses_both_rows_unless_one_is_out_of_use() {
    let rows = valid(vec![
        said("A", &[9], &["X"], None),
        said("B", &[9], &[], None),
        said("C", &[9], &["X"], Some(true)),
        said("D", &[], &["X"], None),
    ]);
    let (outcomes, ended, problems) = planned(&[], rows, Strategy::Incremental, BY_EAN);
    assert_eq!(outcomes, [Outcome::Refuse, Outcome::Refuse, Outcome::Create, Outcome::Refuse]);
    assert_eq!(codes(&problems), [(2, Code::BarcodeTwice), (3, Code::BarcodeTwice), (5, Code::BarcodeTwice)]);
    assert_eq!((ended.counts.more_live, ended.counts.more_archived), (0, 1));
}

#[test]
fn goods_in_use_come_before_archived_ones_that_share_a_code() {
    let goods = [good(1, "New", &[1], &[], false), good(2, "Old", &[1], &[], true)];
    let rows = valid(vec![said("New", &[1], &[], Some(false)), said("Old", &[1], &[], Some(true))]);
    let (outcomes, ended, problems) = planned(&goods, rows, Strategy::Full, BY_EAN);
    assert_eq!((outcomes, problems.len()), (vec![Outcome::Unchanged, Outcome::Unchanged], 0));
    assert_eq!(ended.archived.len(), 0);
    // Without the one in use the archived one comes back.
    let (outcomes, ended, problems) =
        planned(&goods[1..], valid(vec![said("Old", &[1], &[], Some(false))]), Strategy::Full, BY_EAN);
    assert_eq!((outcomes, codes(&problems)), (vec![Outcome::Update], vec![(2, Code::Unarchived)]));
    assert_eq!((ended.counts.more_live, ended.counts.more_archived), (1, -1));
}

#[test]
fn two_goods_that_come_back_into_use_with_one_code_are_both_refused() {
    let by_name = Attributes { name: true, ean13: false, local: false };
    let goods = [good(1, "A", &[1], &[], true), good(2, "B", &[1], &[], true)];
    let back = || valid(vec![said("A", &[], &[], Some(false)), said("B", &[], &[], Some(false))]);
    let (outcomes, _, problems) = planned(&goods, back(), Strategy::Incremental, by_name);
    assert_eq!(outcomes, [Outcome::Refuse, Outcome::Refuse]);
    assert_eq!(
        codes(&problems),
        [(2, Code::BarcodeTwice), (2, Code::Unarchived), (3, Code::BarcodeTwice)],
        "the first one was let in until the second one came"
    );
    // And one that comes back with the code of a new one, whichever stands first.
    for new_first in [false, true] {
        let mut rows = vec![said("A", &[], &[], Some(false)), said("D", &[1], &[], None)];
        if new_first {
            rows.reverse();
        }
        let (outcomes, _, _) = planned(&goods[..1], valid(rows), Strategy::Incremental, by_name);
        assert_eq!(outcomes, [Outcome::Refuse, Outcome::Refuse], "new one first: {new_first}");
    }
}

#[test]
fn an_id_says_which_good_it_is_and_one_of_another_catalogue_says_nothing() {
    let goods = [good(1, "Milk", &[1], &[], false), good(2, "Milk", &[], &[], false)];
    let mut index = Index::default();
    for good in &goods {
        index.add((good.id, good.good), false, None, &good.values.ean13, "");
    }
    let mut planner = Planner::new(Strategy::Incremental, BY_EAN, index);
    let mut outcome = |row, id: Option<i64>| {
        let (problems, columns) = (Vec::new(), Columns::default());
        let said = said("Milk", &[], &[], None);
        let mut looked = Looked { row, said, problems, refused: false, good: id, columns };
        let find = |id| Ok::<_, Infallible>(goods.iter().find(|good| good.id == id).cloned().expect("a good"));
        let Ok(row) = planner.plan(&mut looked, find);
        (row.outcome, row.old.map(|old| old.id))
    };
    assert_eq!(outcome(2, Some(1_002)), (Outcome::Unchanged, Some(2)));
    assert_eq!(outcome(3, Some(1_001)), (Outcome::Unchanged, Some(1)));
    assert_eq!(outcome(4, Some(7)), (Outcome::Create, None));
    assert_eq!(outcome(5, None), (Outcome::Create, None));
}

#[test]
fn plans_that_do_the_same_have_the_same_digest() {
    let goods = [good(1, "Milk", &[1], &[], false)];
    let digest =
        |goods: &[Good], rows: &[Said]| planned(goods, valid(rows.to_vec()), Strategy::Incremental, BY_EAN).1.digest;
    let row = said("Milk 1 l", &[1], &[], None);
    let one = digest(&goods, std::slice::from_ref(&row));
    let renamed = [good(1, "Milch", &[1], &[], false)];
    assert_eq!(digest(&renamed, std::slice::from_ref(&row)), one, "still an update of the same good");
    let same = [good(1, "Milk 1 l", &[1], &[], false)];
    assert_ne!(digest(&same, std::slice::from_ref(&row)), one, "nothing to update any more");
    assert_ne!(digest(&[], &[row]), one, "a new good");
}

#[test]
fn the_same_codes_in_another_order_change_nothing() {
    let goods = [good(1, "Milk", &[1, 2], &["A", "B"], false)];
    let rows = valid(vec![said("Milk", &[2, 1], &["B", "A"], None)]);
    let (outcomes, _, _) = planned(&goods, rows, Strategy::Incremental, BY_EAN);
    assert_eq!(outcomes, [Outcome::Unchanged]);
}

/// A model of the rules without indexes or order: which rows are refused, and what each of the others matches.
fn model(goods: &[Good], rows: &[(Said, bool)], by: Attributes) -> Vec<Outcome> {
    let has = |good: &Good, said: &Said, attribute: By| match attribute {
        By::Ean13 => said.ean13.iter().any(|code| good.values.ean13.split(',').any(|own| own == code.to_string())),
        By::Local => said.local.iter().any(|code| good.values.local.split(',').any(|own| own == code)),
        By::Name => !said.name_folded.is_empty() && fold(&good.values.name) == said.name_folded,
    };
    let goods_of = |said: &Said| -> Vec<i64> {
        for (attribute, enabled) in [(By::Ean13, by.ean13), (By::Local, by.local), (By::Name, by.name)] {
            for archived in [said.archived == Some(true), said.archived != Some(true)] {
                let found: Vec<_> = goods
                    .iter()
                    .filter(|good| enabled && good.values.archived == archived && has(good, said, attribute))
                    .map(|good| good.id)
                    .collect();
                if !found.is_empty() {
                    return found;
                }
            }
        }
        Vec::new()
    };
    let matches: Vec<_> = rows.iter().map(|(said, _)| goods_of(said)).collect();
    // The codes that a row has its good in use have: those it says, and those that a good keeps that comes back into use.
    let claimed = |at: usize| -> HashSet<String> {
        let said = &rows[at].0;
        let mut codes = HashSet::new();
        if said.archived != Some(true) {
            codes.extend(said.ean13.iter().map(ToString::to_string).chain(said.local.iter().cloned()));
        }
        let own = matches[at].first().filter(|_| matches[at].len() == 1);
        let old = own.and_then(|id| goods.iter().find(|good| good.id == *id && good.values.archived));
        if let Some(old) = old.filter(|_| said.archived == Some(false)) {
            let kept = |new: bool, old: &str| {
                let codes = old.split(',').filter(|code| new && !code.is_empty());
                codes.map(str::to_owned).collect::<Vec<_>>()
            };
            codes.extend(kept(said.ean13.is_empty(), &old.values.ean13));
            codes.extend(kept(said.local.is_empty(), &old.values.local));
        }
        codes
    };
    let mut refused: HashSet<usize> = HashSet::new();
    for (at, (said, refusal)) in rows.iter().enumerate() {
        if *refusal || matches[at].len() > 1 {
            refused.insert(at);
        }
        for (other, (others, _)) in rows.iter().enumerate().filter(|(other, _)| *other != at) {
            let shares = !claimed(at).is_disjoint(&claimed(other));
            let same = matches[at].len() == 1 && matches[at] == matches[other];
            let new_names = by.name
                && matches[at].is_empty()
                && matches[other].is_empty()
                && !said.name_folded.is_empty()
                && said.name_folded == others.name_folded;
            if shares || same || new_names {
                refused.insert(at);
            }
        }
        if refused.contains(&at) {
            continue;
        }
        let own = matches[at].first().copied();
        let old = own.and_then(|id| goods.iter().find(|good| good.id == id));
        let values = merged(said, old.map(|old| &old.values));
        let taken = |good: &Good| {
            let shares = |own: &str, new: &str| {
                own.split(',').any(|code| !code.is_empty() && new.split(',').any(|new| new == code))
            };
            Some(good.id) != own
                && !good.values.archived
                && (shares(&good.values.ean13, &values.ean13) || shares(&good.values.local, &values.local))
        };
        if !values.archived && goods.iter().any(taken) {
            refused.insert(at);
        }
    }
    let outcome = |at: usize| {
        if refused.contains(&at) {
            return Outcome::Refuse;
        }
        match matches[at].first().and_then(|id| goods.iter().find(|good| good.id == *id)) {
            None => Outcome::Create,
            Some(old) if merged(&rows[at].0, Some(&old.values)) == old.values => Outcome::Unchanged,
            Some(_) => Outcome::Update,
        }
    };
    (0..rows.len()).map(outcome).collect()
}

fn names() -> impl proptest::strategy::Strategy<Value = &'static str> {
    prop_oneof![Just("Milk"), Just("MILK "), Just("Bread"), Just("Butter")]
}

fn some_said() -> impl proptest::strategy::Strategy<Value = Said> {
    let eans = proptest::collection::btree_set(0..8_u64, 0..3);
    let locals = proptest::collection::btree_set(prop_oneof![Just("A"), Just("B"), Just("C")], 0..2);
    let archived = prop_oneof![4 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    (names(), eans, locals, archived).prop_map(|(name, eans, locals, archived)| {
        let (eans, locals): (Vec<_>, Vec<_>) = (eans.into_iter().collect(), locals.into_iter().collect());
        said(name.trim(), &eans, &locals, archived)
    })
}

/// Goods as a catalogue may have them: no code of two in use.
fn catalogue(said: Vec<Said>) -> Vec<Good> {
    let mut taken: HashMap<String, i64> = HashMap::new();
    let mut goods = Vec::new();
    for (number, mut said) in (1..).zip(said) {
        let archived = said.archived == Some(true);
        if !archived {
            said.ean13.retain(|code| *taken.entry(code.to_string()).or_insert(number) == number);
            said.local.retain(|code| *taken.entry(code.clone()).or_insert(number) == number);
        }
        said.archived = Some(archived);
        let at = Timestamp::from_unix_seconds(0);
        let guid = Uuid::from_u128(number.unsigned_abs().into());
        let values = merged(&said, None);
        goods.push(Good { id: number, good: number + 1_000, guid, since: 1, values, created_at: at, changed_at: at });
    }
    goods
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn rows_are_matched_as_a_plain_model_matches_them(
        goods in proptest::collection::vec(some_said(), 0..6),
        rows in proptest::collection::vec((some_said(), prop::bool::weighted(0.1)), 0..7),
        by in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let by = Attributes { name: by.0, ean13: by.1, local: by.2 };
        let goods = catalogue(goods);
        let expected = model(&goods, &rows, by);
        let (outcomes, ended, _) = planned(&goods, rows.clone(), Strategy::Full, by);
        prop_assert_eq!(&outcomes, &expected);
        let count = |outcome| i64::try_from(outcomes.iter().filter(|one| **one == outcome).count()).expect("few");
        prop_assert_eq!(ended.counts.created, count(Outcome::Create));
        prop_assert_eq!(ended.counts.updated, count(Outcome::Update));
        prop_assert_eq!(ended.counts.unchanged, count(Outcome::Unchanged));
        prop_assert_eq!(ended.counts.refused, count(Outcome::Refuse));
    }

    #[test]
    fn the_counts_say_how_many_goods_there_are_afterwards_and_no_code_has_two(
        goods in proptest::collection::vec(some_said(), 0..6),
        rows in proptest::collection::vec((some_said(), prop::bool::weighted(0.1)), 0..7),
        full: bool,
        by in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let by = Attributes { name: by.0, ean13: by.1, local: by.2 };
        let goods = catalogue(goods);
        let strategy = if full { Strategy::Full } else { Strategy::Incremental };
        let (outcomes, ended, _) = planned(&goods, rows.clone(), strategy, by);
        // Carried out by hand.
        let mut after: HashMap<i64, Values> = goods.iter().map(|good| (good.id, good.values.clone())).collect();
        for known in &ended.archived {
            after.get_mut(&known.id).expect("known").archived = true;
        }
        let mut index = Index::default();
        for good in &goods {
            let name = fold(&good.values.name);
            index.add((good.id, good.good), good.values.archived, Some(&name), &good.values.ean13, &good.values.local);
        }
        for (at, (said, _)) in rows.iter().enumerate() {
            match outcomes[at] {
                Outcome::Create => {
                    after.insert(-i64::try_from(at).expect("few") - 1, merged(said, None));
                }
                Outcome::Update => {
                    let Match::One(place) = index.find(said, by) else { panic!("an update matches one good") };
                    let id = index.good(place).id;
                    let merged = merged(said, Some(&after[&id]));
                    after.insert(id, merged);
                }
                _ => {}
            }
        }
        let count = |archived| i64::try_from(after.values().filter(|values| values.archived == archived).count()).expect("few");
        let before = |archived| i64::try_from(goods.iter().filter(|good| good.values.archived == archived).count()).expect("few");
        prop_assert_eq!(before(false) + ended.counts.more_live, count(false));
        prop_assert_eq!(before(true) + ended.counts.more_archived, count(true));
        let mut seen = HashSet::new();
        for values in after.values().filter(|values| !values.archived) {
            for code in values.ean13.split(',').chain(values.local.split(',')).filter(|code| !code.is_empty()) {
                prop_assert!(seen.insert(code.to_owned()), "{} has two goods in use", code);
            }
        }
    }
}
