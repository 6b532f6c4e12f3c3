//! The languages people are spoken to in: English, Russian, Ukrainian. Which one a request prefers, and texts that stand
//! in all three.
//!
//! Must not know: any domain, http, tasks, webhooks. The texts themselves belong to the domain that says them.

mod negotiation;

use serde::Deserialize;

/// A language of this server's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// English: spoken where nothing else is asked for.
    En,
    /// Russian.
    Ru,
    /// Ukrainian.
    Uk,
}

impl Language {
    /// Every language, the default first.
    pub const ALL: [Self; 3] = [Self::En, Self::Ru, Self::Uk];

    /// Its ISO 639-1 code: the suffix in file names, the value of `lang` and of `Content-Language`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
            Self::Uk => "uk",
        }
    }

    /// Its name in itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ru => "Русский",
            Self::Uk => "Українська",
        }
    }

    /// The language with exactly this code, as it stands in a file's name: lower case, no region.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language a client prefers by its `Accept-Language` header (RFC 9110, section 12.5.4); English without a
    /// header, with one that names none of ours, and with one that cannot be read.
    #[must_use]
    pub fn negotiate(accept_language: Option<&str>) -> Self {
        negotiation::preferred(accept_language.unwrap_or_default())
    }
}

/// One text in every language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    en: String,
    ru: String,
    uk: String,
}

impl Words {
    /// The same thing said in each language.
    #[must_use]
    pub fn new(en: &str, ru: &str, uk: &str) -> Self {
        Self { en: en.to_owned(), ru: ru.to_owned(), uk: uk.to_owned() }
    }

    /// The text in `language`.
    #[must_use]
    pub fn say(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Ru => &self.ru,
            Language::Uk => &self.uk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_its_language_and_nothing_else_does() {
        for language in Language::ALL {
            assert_eq!(Language::of_code(language.code()), Some(language));
        }
        for code in ["", "EN", "ua", "ru-RU", "uk ", "de"] {
            assert_eq!(Language::of_code(code), None, "{code:?}");
        }
    }
}
