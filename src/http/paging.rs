//! Keyset paging for the house API: a page names where it ended, not how many rows to skip, so that the next one neither
//! repeats nor loses a row however the list changes in between.
//!
//! Must not know: any domain.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::failure::Failure;

/// How many items a page has when nobody says.
pub const DEFAULT_LIMIT: usize = 50;

/// The most items a page may have.
pub const MAX_LIMIT: usize = 200;

/// The list a page token belongs to and the key of the last item on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    list: &'static str,
    after: String,
}

impl PageToken {
    /// The token that begins after `after` in `list`.
    #[must_use]
    pub fn new(list: &'static str, after: impl Into<String>) -> Self {
        Self { list, after: after.into() }
    }

    /// Reads a token made for `list`; nothing given is the first page.
    pub fn parse(list: &'static str, text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::new(list, "")) };
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|plain| plain.strip_prefix(list)?.strip_prefix(':').map(str::to_owned))
            .map(|after| Self { list, after })
            .ok_or_else(|| Failure::invalid_field("page_token", "must be the `next_page_token` of a page of this list"))
    }

    /// The key of the last item before the page; empty for the first.
    #[must_use]
    pub fn after(&self) -> &str {
        &self.after
    }

    /// The token on the wire.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", self.list, self.after))
    }
}

/// Cuts `rows`, asked for with one more than `limit`, to a page; with the key of its last item if another follows.
pub fn page<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> PageToken) -> (Vec<T>, Option<String>) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(|last| key(last).encode()) } else { None };
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_and_only_to_its_list() {
        let token = PageToken::new("users", "иван");
        assert_eq!(PageToken::parse("users", Some(&token.encode())).expect("our own"), token);
        assert!(PageToken::parse("tokens", Some(&token.encode())).is_err());
        assert!(PageToken::parse("users", Some("%%%")).is_err());
        assert_eq!(PageToken::parse("users", None).expect("the first page").after(), "");
    }

    #[test]
    fn only_a_full_page_with_more_behind_it_names_a_next_one() {
        let key = |n: &i32| PageToken::new("n", n.to_string());
        assert_eq!(page(vec![1, 2], 2, key), (vec![1, 2], None));
        let (items, next) = page(vec![1, 2, 3], 2, key);
        assert_eq!((items, next), (vec![1, 2], Some(PageToken::new("n", "2").encode())));
        assert_eq!(page(Vec::<i32>::new(), 2, key), (vec![], None));
    }
}
