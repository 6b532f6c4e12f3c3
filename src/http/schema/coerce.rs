//! Giving an XML tree the types that a schema publishes: `007` stays text where the schema says string and is no number
//! where it says integer; one element or many are an array where it says array.
//!
//! What does not fit is left as text, so that [`Schema::check`] reports it in the same words as for JSON. Must not know:
//! any domain. Recursion goes as deep as the document, which its reader bounds.

use serde_json::{Map, Number, Value};

use super::{Node, Path, Schema, Shape, Walk};
use crate::http::xml::Element;

/// Schemas refer to each other in cycles; parts of one value never nest so deep.
const MAX_PARTS: usize = 8;

impl Schema {
    /// The JSON value that `element` is under this schema.
    #[must_use]
    pub fn coerce(&self, element: Element) -> Value {
        self.value(Some(self.root), element)
    }

    fn value(&self, at: Option<usize>, element: Element) -> Value {
        let Some(node) = at.and_then(|at| self.shaped(at, 0)) else { return self.plain(element) };
        if !node.forms.is_empty() && matches!(node.shape, Shape::Any) {
            return self.form(node, element);
        }
        match &node.shape {
            Shape::Object(_) if element.children.is_empty() && element.text.trim().is_empty() => {
                if node.nullable {
                    Value::Null
                } else {
                    self.fields(at, element)
                }
            }
            Shape::Object(_) if !element.children.is_empty() => self.fields(at, element),
            // Reached for an array's item that is an array itself: it has one element for each of its items.
            Shape::Array(array) => Value::Array(vec![self.value(array.items, element)]),
            shape if element.children.is_empty() => scalar(shape, node.nullable, element.text),
            _ => self.plain(element),
        }
    }

    /// The first form that the value fits; the last one explains what is wrong.
    fn form(&self, node: &Node, element: Element) -> Value {
        let mut last = None;
        for form in &node.forms {
            let value = self.value(Some(*form), element.clone());
            let mut walk = Walk { nodes: &self.nodes, refuse: false, errors: Vec::new() };
            walk.visit(*form, &value, &Path::Root, false);
            if walk.errors.is_empty() {
                return value;
            }
            last = Some(value);
        }
        last.unwrap_or_else(|| self.plain(element))
    }

    fn fields(&self, at: Option<usize>, element: Element) -> Value {
        let mut map = Map::new();
        for child in element.children {
            let property = at.and_then(|at| self.property(at, &child.name, 0));
            let name = child.name.clone();
            let array = property.and_then(|property| self.shaped(property, 0)).and_then(|node| match &node.shape {
                Shape::Array(array) => Some(array.items),
                _ => None,
            });
            let value = self.value(array.unwrap_or(property), child);
            match map.get_mut(&name) {
                None if array.is_some() => {
                    map.insert(name, Value::Array(vec![value]));
                }
                None => {
                    map.insert(name, value);
                }
                // Where the schema knows no array, the check says so.
                Some(Value::Array(items)) => items.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        if let Some(at) = at {
            self.empty_arrays(at, &mut map, 0);
        }
        Value::Object(map)
    }

    /// An empty array has no element: where the schema requires one, its absence is it.
    fn empty_arrays(&self, at: usize, map: &mut Map<String, Value>, depth: usize) {
        let node = &self.nodes[at];
        if let Shape::Object(object) = &node.shape {
            for property in object.properties.iter().filter(|property| property.required) {
                let is_array = self.shaped(property.node, 0).is_some_and(|node| matches!(node.shape, Shape::Array(_)));
                if is_array && !map.contains_key(property.name) {
                    map.insert(property.name.to_owned(), Value::Array(Vec::new()));
                }
            }
        }
        if depth < MAX_PARTS {
            for part in &node.all_of {
                self.empty_arrays(*part, map, depth + 1);
            }
        }
    }

    /// Without a schema: text, an object, and an array where an element repeats.
    fn plain(&self, element: Element) -> Value {
        if element.children.is_empty() { Value::String(element.text) } else { self.fields(None, element) }
    }

    /// The node that says what kind of value `at` is: itself, or a part of its `allOf`.
    fn shaped(&self, at: usize, depth: usize) -> Option<&Node> {
        let node = &self.nodes[at];
        if !matches!(node.shape, Shape::Any) || !node.forms.is_empty() {
            return Some(node);
        }
        if depth == MAX_PARTS {
            return None;
        }
        node.all_of.iter().find_map(|part| self.shaped(*part, depth + 1))
    }

    fn property(&self, at: usize, name: &str, depth: usize) -> Option<usize> {
        let node = &self.nodes[at];
        if let Shape::Object(object) = &node.shape {
            if let Some(property) = object.properties.iter().find(|property| property.name == name) {
                return Some(property.node);
            }
            if object.additional.is_some() {
                return object.additional;
            }
        }
        if depth == MAX_PARTS {
            return None;
        }
        node.all_of.iter().chain(&node.forms).find_map(|part| self.property(*part, name, depth + 1))
    }
}

fn scalar(shape: &Shape, nullable: bool, text: String) -> Value {
    let trimmed = text.trim();
    match shape {
        Shape::Boolean | Shape::Integer(_) | Shape::Number(_) if nullable && trimmed.is_empty() => Value::Null,
        Shape::Boolean if trimmed == "true" => Value::Bool(true),
        Shape::Boolean if trimmed == "false" => Value::Bool(false),
        Shape::Integer(_) | Shape::Number(_) => {
            // JSON's own grammar decides what a number is, so that both formats take and refuse the same.
            serde_json::from_str::<Number>(trimmed).map_or(Value::String(text), Value::Number)
        }
        _ => Value::String(text),
    }
}
