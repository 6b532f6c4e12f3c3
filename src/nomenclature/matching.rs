//! Which good a row is about: an index of the catalogue in memory, made by one scan of it.
//!
//! Must not know: the database, HTTP, files. Source: contracts/nomenclature.md, 'Workbook'.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use crate::nomenclature::barcodes::{self, Ean13};
use crate::nomenclature::model::Attributes;
use crate::nomenclature::rows::Said;

/// The place of a good in the index.
pub type Place = u32;

/// A good in the index.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The row of the version that it goes by.
    pub id: i64,
    /// The good.
    pub good: i64,
    /// Whether the good is out of use.
    pub archived: bool,
    /// Whether a row is about it, valid or not.
    pub mentioned: bool,
    /// The row that is to change it; 0: none yet.
    pub claimed_by: u32,
}

/// An attribute that rows match by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// EAN-13.
    Ean13,
    /// Local codes.
    Local,
    /// The name.
    Name,
}

/// What a row matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Nothing: it is a new good.
    None,
    /// This good.
    One(Place),
    /// Several goods.
    Many(By, Several),
}

/// Several goods: each by its place, or by the crowds they stand in. A crowd may be as large as the catalogue, and every
/// row of a file may match it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Several {
    places: Vec<Place>,
    crowds: Vec<u32>,
}

/// The goods that have a code or a name.
#[derive(Debug, Clone, Copy, Default)]
struct Holders {
    live: Crowd,
    archived: Crowd,
}

/// No good, one, or a crowd: nearly always one, so that takes no more than its place.
#[derive(Debug, Clone, Copy, Default)]
struct Crowd(u32);

/// Marks the number of a crowd.
const MANY: u32 = 1 << 31;

/// A fingerprint of a text: two of 64 bits under keys that nobody knows, so that no file finds two texts with one.
#[derive(Debug, Clone, Default)]
struct Fingerprints(RandomState, RandomState);

impl Fingerprints {
    fn of(&self, text: &str) -> u128 {
        u128::from(self.0.hash_one(text)) << 64 | u128::from(self.1.hash_one(text))
    }
}

/// What is looked up by a fingerprint: as good as random already.
type ByPrint<T> = HashMap<u128, T, BuildHasherDefault<AsItIs>>;

/// Hashes a fingerprint to itself.
#[derive(Debug, Clone, Copy, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, print: u128) {
        self.0 = u64::try_from(print >> 64).unwrap_or(0);
    }
}

/// The catalogue as rows are matched against it.
#[derive(Debug, Default)]
pub struct Index {
    goods: Vec<Known>,
    ean13: HashMap<u64, Holders>,
    local: ByPrint<Holders>,
    names: ByPrint<Holders>,
    crowds: Vec<Vec<Place>>,
    /// The crowds that were mentioned as a whole.
    mentioned: Vec<bool>,
    fingerprints: Fingerprints,
}

impl Index {
    /// Room for so many goods.
    #[must_use]
    pub fn with_capacity(goods: usize) -> Self {
        Self {
            goods: Vec::with_capacity(goods),
            ean13: HashMap::with_capacity(goods),
            local: ByPrint::with_capacity_and_hasher(goods, BuildHasherDefault::default()),
            names: ByPrint::with_capacity_and_hasher(goods, BuildHasherDefault::default()),
            ..Self::default()
        }
    }

    /// Adds a good. Names are indexed only where rows match by them.
    pub fn add(&mut self, (id, good): (i64, i64), archived: bool, name: Option<&str>, ean13: &str, local: &str) {
        let place = Place::try_from(self.goods.len()).expect("fewer goods than 2^31");
        self.goods.push(Known { id, good, archived, mentioned: false, claimed_by: 0 });
        let crowds = &mut self.crowds;
        let mut enter = |holders: &mut Holders| {
            let crowd = if archived { &mut holders.archived } else { &mut holders.live };
            crowd.enter(place, crowds);
        };
        for code in barcodes::stored(ean13).filter_map(|code| code.parse().ok()) {
            enter(self.ean13.entry(code).or_default());
        }
        for code in barcodes::stored(local) {
            enter(self.local.entry(self.fingerprints.of(code)).or_default());
        }
        if let Some(name) = name {
            enter(self.names.entry(self.fingerprints.of(name)).or_default());
        }
    }

    /// The place of a good by its number. Goods are added in the order of these.
    #[must_use]
    pub fn place_of(&self, good: i64) -> Option<Place> {
        let place = self.goods.binary_search_by_key(&good, |known| known.good).ok()?;
        Place::try_from(place).ok()
    }

    /// How many goods there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.goods.len()
    }

    /// How many goods are in use.
    #[must_use]
    pub fn live(&self) -> usize {
        self.goods.iter().filter(|good| !good.archived).count()
    }

    /// A good.
    #[must_use]
    pub fn good(&self, place: Place) -> &Known {
        &self.goods[place as usize]
    }

    /// A good, to note something about it.
    pub fn good_mut(&mut self, place: Place) -> &mut Known {
        &mut self.goods[place as usize]
    }

    /// Goods in use that no row mentions.
    pub fn unmentioned(&self) -> impl Iterator<Item = &Known> {
        self.goods.iter().filter(|good| !good.archived && !good.mentioned)
    }

    /// A fingerprint of a text, for whoever compares rows with each other.
    #[must_use]
    pub fn fingerprint(&self, text: &str) -> u128 {
        self.fingerprints.of(text)
    }

    /// The good a row is about: by the enabled attributes in the order of the contract, the first one that matches
    /// anything decides. Goods in use come before archived ones, unless the row says that its good is archived.
    #[must_use]
    pub fn find(&self, said: &Said, by: Attributes) -> Match {
        let archived_first = said.archived == Some(true);
        if by.ean13 {
            let holders = said.ean13.iter().filter_map(|code| self.ean13.get(&code.number()));
            if let Some(found) = decide(By::Ean13, holders, archived_first) {
                return found;
            }
        }
        if by.local {
            let holders = said.local.iter().filter_map(|code| self.local.get(&self.fingerprints.of(code)));
            if let Some(found) = decide(By::Local, holders, archived_first) {
                return found;
            }
        }
        if by.name && !said.name_folded.is_empty() {
            let holders = self.names.get(&self.fingerprints.of(&said.name_folded)).into_iter();
            if let Some(found) = decide(By::Name, holders, archived_first) {
                return found;
            }
        }
        Match::None
    }

    /// Notes that a row is about each of several goods.
    pub fn mention(&mut self, several: &Several) {
        for place in &several.places {
            self.goods[*place as usize].mentioned = true;
        }
        self.mentioned.resize(self.crowds.len(), false);
        for crowd in &several.crowds {
            if !std::mem::replace(&mut self.mentioned[*crowd as usize], true) {
                for place in &self.crowds[*crowd as usize] {
                    self.goods[*place as usize].mentioned = true;
                }
            }
        }
    }

    /// The first of these codes that a good in use has which is not `own`, and that good.
    pub fn taken<'c>(&self, ean13: &'c str, local: &'c str, own: Option<Place>) -> Option<(By, &'c str, Place)> {
        let other = |holders: Option<&Holders>| {
            holders.and_then(|holders| holders.live.places(&self.crowds).find(|place| Some(*place) != own))
        };
        let ean13 = barcodes::stored(ean13).filter_map(|code| {
            let number = code.parse().ok()?;
            other(self.ean13.get(&number)).map(|place| (By::Ean13, code, place))
        });
        let local = barcodes::stored(local).filter_map(|code| {
            other(self.local.get(&self.fingerprints.of(code))).map(|place| (By::Local, code, place))
        });
        ean13.chain(local).next()
    }
}

/// What one attribute says: of the goods that have it, those in use or those archived, whichever come first.
fn decide<'a>(by: By, holders: impl Iterator<Item = &'a Holders> + Clone, archived_first: bool) -> Option<Match> {
    for archived in [archived_first, !archived_first] {
        let mut found = Several::default();
        for holders in holders.clone() {
            match if archived { holders.archived } else { holders.live }.0 {
                0 => {}
                one if one < MANY => {
                    if !found.places.contains(&(one - 1)) {
                        found.places.push(one - 1);
                    }
                }
                many => found.crowds.push(many & !MANY),
            }
        }
        match (found.places.as_slice(), found.crowds.is_empty()) {
            ([], true) => {}
            ([one], true) => return Some(Match::One(*one)),
            _ => return Some(Match::Many(by, found)),
        }
    }
    None
}

impl Crowd {
    fn enter(&mut self, place: Place, crowds: &mut Vec<Vec<Place>>) {
        match self.0 {
            0 => self.0 = place + 1,
            one if one < MANY => {
                // A good may have a code twice over only in the same entry.
                if one - 1 != place {
                    crowds.push(vec![one - 1, place]);
                    self.0 = MANY | u32::try_from(crowds.len() - 1).expect("fewer crowds than goods");
                }
            }
            many => {
                let crowd = &mut crowds[(many & !MANY) as usize];
                if crowd.last() != Some(&place) {
                    crowd.push(place);
                }
            }
        }
    }

    fn places(self, crowds: &[Vec<Place>]) -> impl Iterator<Item = Place> {
        let (one, many) = match self.0 {
            0 => (None, &[][..]),
            one if one < MANY => (Some(one - 1), &[][..]),
            many => (None, crowds[(many & !MANY) as usize].as_slice()),
        };
        one.into_iter().chain(many.iter().copied())
    }
}

/// An EAN-13 as it is kept.
#[must_use]
pub fn joined_ean13(codes: &[Ean13]) -> String {
    let mut joined = String::with_capacity(14 * codes.len());
    for code in codes {
        if !joined.is_empty() {
            joined.push(',');
        }
        write!(joined, "{code}").expect("a string takes whatever is written to it");
    }
    joined
}

/// What rows say of each other: codes and names that stand in more than one.
#[derive(Debug, Default)]
pub struct Claims {
    ean13: HashMap<u64, u32>,
    local: ByPrint<u32>,
    names: ByPrint<u32>,
}

impl Claims {
    /// Room for so many rows with a code of each kind.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            ean13: HashMap::with_capacity(rows),
            local: ByPrint::with_capacity_and_hasher(rows, BuildHasherDefault::default()),
            names: ByPrint::default(),
        }
    }

    /// Notes that a row has an EAN-13; the first row that has it, if that is another one.
    pub fn ean13(&mut self, code: Ean13, row: u32) -> Option<u32> {
        earlier(&mut self.ean13, code.number(), row)
    }

    /// The same of a local code's fingerprint.
    pub fn local(&mut self, code: u128, row: u32) -> Option<u32> {
        earlier(&mut self.local, code, row)
    }

    /// The same of a name's.
    pub fn name(&mut self, name: u128, row: u32) -> Option<u32> {
        earlier(&mut self.names, name, row)
    }
}

fn earlier<K: Eq + Hash, S: BuildHasher>(known: &mut HashMap<K, u32, S>, key: K, row: u32) -> Option<u32> {
    let first = *known.entry(key).or_insert(row);
    (first != row).then_some(first)
}
