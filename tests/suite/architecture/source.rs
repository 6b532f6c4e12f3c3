//! A source file as the checks read it: which room it is in, its code without comments, texts and tests, and every path
//! it names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

/// A file under `src/`.
pub struct Source {
    /// Its path under `src/`, with `/`.
    pub name: String,
    /// As it is written.
    pub text: String,
    /// Without comments, the insides of texts, and what is compiled for tests only.
    pub code: String,
    /// Without comments and tests; texts are whole.
    pub with_texts: String,
    /// Every path in the code, from its crate's root: `crate::auth::sql::users`, `rusqlite::Row`.
    pub paths: BTreeSet<String>,
}

impl Source {
    /// Reads a file.
    pub fn new(name: &str, text: &str) -> Self {
        let (bare, kept) = (lexed(text, false), lexed(text, true));
        let cuts = tests_of(&bare);
        let (code, with_texts) = (without(&bare, &cuts), without(&kept, &cuts));
        let only_for_tests = name.ends_with("/tests.rs");
        let (code, with_texts) = if only_for_tests { (String::new(), String::new()) } else { (code, with_texts) };
        let paths = paths(name, &code);
        Self { name: name.to_owned(), text: text.to_owned(), code, with_texts, paths }
    }

    /// The first folder, or the file's own name at the top: `auth`, `clock`.
    pub fn room(&self) -> &str {
        self.name.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// What the file is within its room: `api` for `api.rs` and `api/users.rs`, `mod`, `service`, `sql`, `model` …
    pub fn part(&self) -> &str {
        self.name.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs")
    }

    /// Whether a path of the code begins with `prefix`, in whole segments; which one.
    pub fn names(&self, prefix: &str) -> Option<&str> {
        let within =
            |path: &&String| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        self.paths.iter().find(within).map(String::as_str)
    }

    /// Whether a path of the code that stays in this crate has `segment` in it; which one.
    pub fn passes_through(&self, segment: &str) -> Option<&str> {
        let through = |path: &&String| path.starts_with("crate::") && path.split("::").any(|part| part == segment);
        self.paths.iter().find(through).map(String::as_str)
    }
}

/// `text` with comments blanked out, and the insides of texts and characters unless `texts` are kept. Lines and columns
/// stay where they are.
fn lexed(text: &str, texts: bool) -> String {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
        r##"(?s)//[^\n]*|/\*.*?\*/|b?r#".*?"#|b?r"[^"]*"|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\])'"##,
    )
    .unwrap()
    });
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for found in TOKEN.find_iter(text) {
        out.push_str(&text[at..found.start()]);
        at = found.end();
        let comment = found.as_str().starts_with('/');
        if texts && !comment {
            out.push_str(found.as_str());
            continue;
        }
        let quote = if comment { "" } else { "\"" };
        out.push_str(quote);
        out.extend(found.as_str().chars().filter(|character| *character == '\n'));
        out.push_str(quote);
    }
    out.push_str(&text[at..]);
    out
}

/// The places that are compiled for tests only, as (line of the attribute, number of lines).
fn tests_of(code: &str) -> Vec<(usize, usize)> {
    let mut cuts = Vec::new();
    for (start, _) in code.match_indices("#[cfg(test)]") {
        let mut depth = 0;
        let mut end = start;
        for (at, character) in code[start..].char_indices() {
            end = start + at;
            match character {
                '{' => depth += 1,
                '}' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                ';' if depth == 0 => break,
                _ => {}
            }
        }
        let line = code[..start].matches('\n').count();
        cuts.push((line, code[start..=end].matches('\n').count() + 1));
    }
    cuts
}

fn without(code: &str, cuts: &[(usize, usize)]) -> String {
    let cut = |line: usize| cuts.iter().any(|(start, count)| (*start..start + count).contains(&line));
    let kept = code.lines().enumerate().map(|(at, line)| if cut(at) { "" } else { line });
    kept.collect::<Vec<_>>().join("\n")
}

/// Every path that `code`, in the file called `name`, names: `use` trees spread out, `self` and `super` resolved.
fn paths(name: &str, code: &str) -> BTreeSet<String> {
    static USING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\buse\s+([^;]+);").unwrap());
    static INLINE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b[a-z_][a-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)+").unwrap());
    let module = module_of(name);
    let mut found = BTreeSet::new();
    for tree in USING.captures_iter(code) {
        let tree: String = tree[1].split_whitespace().collect::<Vec<_>>().join(" ");
        spread("", &tree, &mut found);
    }
    found.extend(INLINE.find_iter(&USING.replace_all(code, "")).map(|path| path.as_str().to_owned()));
    found.into_iter().map(|path| resolved(&module, &path)).collect()
}

fn module_of(name: &str) -> Vec<String> {
    let mut module: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        module.pop();
    }
    module.insert(0, "crate".to_owned());
    module
}

fn spread(prefix: &str, tree: &str, found: &mut BTreeSet<String>) {
    let Some(open) = tree.find('{') else {
        let plain = tree.split(" as ").next().unwrap_or_default().trim();
        found.insert(format!("{prefix}{plain}").trim_end_matches("::self").trim_end_matches("::*").to_owned());
        return;
    };
    let inside = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let prefix = format!("{prefix}{}", tree[..open].trim());
    let mut depth = 0;
    let mut start = 0;
    for (at, character) in inside.char_indices().chain([(inside.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = inside[start..at].trim();
                if !item.is_empty() {
                    spread(&prefix, item, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

fn resolved(module: &[String], path: &str) -> String {
    let mut base = module.to_vec();
    let mut segments: Vec<&str> = path.split("::").collect();
    match segments[0] {
        "self" => {
            segments.remove(0);
        }
        "super" => {
            while segments.first() == Some(&"super") {
                base.pop();
                segments.remove(0);
            }
        }
        _ => return path.to_owned(),
    }
    base.extend(segments.into_iter().map(str::to_owned));
    base.join("::")
}

#[test]
fn a_file_is_read_as_the_compiler_would() {
    let source = Source::new(
        "account/api/users.rs",
        "use super::{errors::Shape, wire::{self, User as U}};\nuse rusqlite::{Connection, params as p};\n\
         // use poem::Nothing;\nfn f() { crate::store::open(\"tokio::spawn // not a comment\"); let c = '\"'; std::fs::read(x) }\n\
         #[cfg(test)]\nmod tests {\n  use tokio::net::TcpStream; fn g() { x.unwrap() }\n}\nfn h() { self::k::l() }\n",
    );
    let paths: Vec<_> = source.paths.iter().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "crate::account::api::errors::Shape",
            "crate::account::api::users::k::l",
            "crate::account::api::wire",
            "crate::account::api::wire::User",
            "crate::store::open",
            "rusqlite::Connection",
            "rusqlite::params",
            "std::fs::read",
        ]
    );
    assert_eq!((source.room(), source.part()), ("account", "api"));
    assert!(!source.code.contains("unwrap") && source.code.contains("fn h()"));
    assert!(source.with_texts.contains("tokio::spawn") && !source.with_texts.contains("Nothing"));
}
