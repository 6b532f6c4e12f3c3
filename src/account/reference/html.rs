//! Text as HTML: everything that is put on a page goes through here.
//!
//! Must not know: the document, languages, HTTP.

use std::borrow::Cow;

/// `text` with every character escaped that HTML gives a meaning, in content and in quoted attributes.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped.into()
}

/// A phrase of the document: escaped, and what stands between backticks is code. A backtick without its partner stands
/// for itself.
pub fn phrase(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else { break };
        html += &escape(before);
        html += "<code>";
        html += &escape(code);
        html += "</code>";
        rest = after;
    }
    html + &escape(rest)
}

/// Paragraphs of phrases, parted by empty lines as in the document.
pub fn paragraphs(text: &str) -> String {
    let parts = text.split("\n\n").filter(|part| !part.trim().is_empty());
    parts.map(|part| format!("<p>{}</p>\n", phrase(part))).collect()
}

/// A block of code.
pub fn code_block(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(text))
}

/// A table under the heading with this id. Cells are HTML; the first one of each row heads it.
pub fn table(heading: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = format!("<div class=\"wide\"><table aria-labelledby=\"{}\">\n<thead><tr>", escape(heading));
    for column in columns {
        html += &format!("<th scope=\"col\">{}</th>", escape(column));
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html += "<tr>";
        for (number, cell) in row.iter().enumerate() {
            html += &if number == 0 { format!("<th scope=\"row\">{cell}</th>") } else { format!("<td>{cell}</td>") };
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

/// A heading that can be linked to.
pub fn heading(level: u8, id: &str, text: &str) -> String {
    let (id, text) = (escape(id), escape(text));
    format!("<h{level} id=\"{id}\"><a href=\"#{id}\">{text}</a></h{level}>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        assert_eq!(escape("plain"), "plain");
        assert_eq!(escape(r#"<a href="x" id='y'>&"#), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
        assert_eq!(phrase("a <b> `c <d>` e ` f"), "a &lt;b&gt; <code>c &lt;d&gt;</code> e ` f");
        assert_eq!(paragraphs("one\ntwo\n\n\n\nthree"), "<p>one\ntwo</p>\n<p>three</p>\n");
        assert_eq!(heading(2, "a\"b", "<c>"), "<h2 id=\"a&quot;b\"><a href=\"#a&quot;b\">&lt;c&gt;</a></h2>\n");
        assert!(code_block("</pre>").contains("&lt;/pre&gt;"));
    }
}
