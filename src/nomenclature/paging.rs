//! Page tokens of the contract's lists: opaque, bound to the parameters they were made with and to the moment of the first
//! page, so that rows neither repeat nor vanish while they change.
//!
//! Must not know: the database, HTTP, files. Source: contracts/nomenclature.md, 'Operations'.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How many items a page has when nobody says.
pub const DEFAULT_ITEMS: u32 = 50;

/// The parameters of a list, as a mark that only the same ones have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// The mark of what these texts say.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        let digest = digest.finalize();
        Self(u64::from_le_bytes(digest[..8].try_into().expect("eight bytes")))
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The parameters it was made with.
    pub mark: Mark,
    /// As of which moment the list is read.
    pub moment: i64,
    /// The number of the page, from 1.
    pub page: u32,
    /// How many items the list has.
    pub total: i64,
    /// What the last item of the page before is ordered by.
    pub key: String,
    /// The row key of that item.
    pub row: i64,
}

/// What is wrong with a page token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// It is none of ours.
    Unreadable,
    /// It was made with other parameters.
    OtherList,
}

impl Token {
    /// On the wire.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self { mark, moment, page, total, key, row } = self;
        URL_SAFE_NO_PAD.encode(format!("{:x}.{moment}.{page}.{total}.{row}.{key}", mark.0))
    }

    /// Reads one that was made with these parameters.
    pub fn parse(text: &str, mark: Mark) -> Result<Self, NoToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoToken::Unreadable)?;
        let plain = String::from_utf8(bytes).map_err(|_| NoToken::Unreadable)?;
        let token = Self::read(&plain).ok_or(NoToken::Unreadable)?;
        if token.mark == mark { Ok(token) } else { Err(NoToken::OtherList) }
    }

    fn read(plain: &str) -> Option<Self> {
        let mut parts = plain.splitn(6, '.');
        let token = Self {
            mark: Mark(u64::from_str_radix(parts.next()?, 16).ok()?),
            moment: parts.next()?.parse().ok()?,
            page: parts.next()?.parse().ok().filter(|page| *page > 1)?,
            total: parts.next()?.parse().ok().filter(|total| *total >= 0)?,
            row: parts.next()?.parse().ok()?,
            key: parts.next()?.to_owned(),
        };
        Some(token)
    }
}

/// How many pages so many items make.
#[must_use]
pub fn pages(total: i64, items: u32) -> i64 {
    let items = i64::from(items).max(1);
    total / items + i64::from(total % items > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_and_only_to_its_list() {
        let mark = Mark::of(&["imports", "created_at_desc"]);
        let token = Token { mark, moment: 7, page: 2, total: 120, key: "сок. яблочный".to_owned(), row: -3 };
        assert_eq!(Token::parse(&token.encode(), mark), Ok(token.clone()));
        assert_eq!(Token::parse(&token.encode(), Mark::of(&["imports", ""])), Err(NoToken::OtherList));
        for text in ["", "%%%", "abc", "AAAA"] {
            assert_eq!(Token::parse(text, mark), Err(NoToken::Unreadable), "{text:?}");
        }
    }

    #[test]
    fn no_two_lists_of_parameters_share_a_mark() {
        assert_ne!(Mark::of(&["ab", "c"]), Mark::of(&["a", "bc"]));
        assert_ne!(Mark::of(&["a"]), Mark::of(&["a", ""]));
    }

    #[test]
    fn a_page_begun_is_a_page() {
        assert_eq!([0, 1, 50, 51].map(|total| pages(total, 50)), [0, 1, 1, 2]);
    }

    proptest! {
        #[test]
        fn no_token_is_too_strange(text in ".*") {
            let _ = Token::parse(&text, Mark::of(&[]));
            let _ = Token::parse(&URL_SAFE_NO_PAD.encode(text), Mark::of(&[]));
        }
    }
}
