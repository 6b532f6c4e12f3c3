//! Checking a JSON value against the schema that the `OpenAPI` document publishes for a type, so that a client learns of
//! every field at fault at once, and the document cannot promise what the server does not hold.
//!
//! Must not know: any domain, the store, requests and answers.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, PoisonError, RwLock};

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use regex::Regex;
use serde_json::{Map, Value};

use self::rules::{Choices, Format, Integers, Length, Numbers, Text};

mod coerce;
mod rules;

/// At most so many faults are reported of one value.
pub const MAX_ERRORS: usize = 100;

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where: a dotted path with indexes, `items[3].key`; `body` for the value as a whole. Control characters of a
    /// client's own keys are replaced and long keys cut.
    pub field: String,
    /// What the field must be, as a sentence without its subject: `must have at least 10 characters (has 3)`. It never
    /// repeats a string the client sent.
    pub rule: String,
}

/// What to do about properties that the schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing, as contracts whose clients send more than is documented need it.
    Ignore,
    /// Refuse them, so that a misspelt name is noticed.
    Refuse,
}

/// A type's published schema with everything it refers to, ready to check values.
#[derive(Debug)]
pub struct Schema {
    /// Schemas refer to each other, in cycles too: by their place here.
    nodes: Vec<Node>,
    root: usize,
}

#[derive(Debug, Default)]
struct Node {
    nullable: bool,
    read_only: bool,
    shape: Shape,
    choices: Option<Choices>,
    all_of: Vec<usize>,
    /// `anyOf` and `oneOf`.
    forms: Vec<usize>,
    /// More than one form at once is refused.
    exactly_one: bool,
    selector: Option<Selector>,
    together: Together,
}

/// Whether several parts of a node name properties of the same object. None of them may then refuse those of another.
#[derive(Debug, Default)]
enum Together {
    #[default]
    No,
    /// One of them admits any property.
    Open,
    /// These are all.
    Closed(Vec<&'static str>),
}

#[derive(Debug, Default)]
enum Shape {
    #[default]
    Any,
    Boolean,
    Integer(Integers),
    Number(Numbers),
    Text(Text),
    Array(Array),
    Object(Object),
}

#[derive(Debug)]
struct Array {
    items: Option<usize>,
    length: Length,
    unique: bool,
}

#[derive(Debug)]
struct Object {
    properties: Vec<Property>,
    required: usize,
    additional: Option<usize>,
    length: Length,
}

#[derive(Debug)]
struct Property {
    name: &'static str,
    node: usize,
    required: bool,
}

/// A union's discriminator: the value of one property names the form.
#[derive(Debug)]
struct Selector {
    property: &'static str,
    forms: Vec<(String, usize)>,
    choices: Choices,
}

impl Schema {
    /// The schema of `T`, made at its first use and kept for the life of the process.
    ///
    /// # Panics
    /// When `T` publishes a pattern that is not a regular expression: a mistake in our own code.
    #[must_use]
    pub fn of<T: Type + 'static>() -> &'static Self {
        static MADE: LazyLock<RwLock<HashMap<TypeId, &'static Schema>>> = LazyLock::new(RwLock::default);
        let key = TypeId::of::<T>();
        if let Some(schema) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return schema;
        }
        let schema = Self::new::<T>();
        MADE.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert_with(|| Box::leak(Box::new(schema)))
    }

    fn new<T: Type>() -> Self {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let mut compiler = Compiler { registry: &registry, nodes: Vec::new(), named: HashMap::new() };
        let root = compiler.reference(&T::schema_ref());
        let mut nodes = compiler.nodes;
        for at in 0..nodes.len() {
            nodes[at].together = together(&nodes, at);
        }
        Self { nodes, root }
    }

    /// What a value of this schema must be, if it is a word of a list.
    #[must_use]
    pub fn words(registry: &Registry, schema: &MetaSchemaRef) -> Option<String> {
        let schema = match schema {
            MetaSchemaRef::Inline(schema) => schema,
            MetaSchemaRef::Reference(name) => registry.schemas.get(name)?,
        };
        (!schema.enum_items.is_empty()).then(|| Choices::new(schema.enum_items.clone()).rule().to_owned())
    }

    /// Every fault of `value`, in the order of its fields with the missing ones of an object last, and at most
    /// [`MAX_ERRORS`]. An empty list means that it satisfies the schema.
    #[must_use]
    pub fn check(&self, value: &Value, unknown: Unknown) -> Vec<FieldError> {
        let mut walk = Walk { nodes: &self.nodes, refuse: unknown == Unknown::Refuse, errors: Vec::new() };
        walk.visit(self.root, value, &Path::Root, walk.refuse);
        walk.errors
    }
}

struct Compiler<'r> {
    registry: &'r Registry,
    nodes: Vec<Node>,
    named: HashMap<String, usize>,
}

impl Compiler<'_> {
    fn reference(&mut self, schema: &MetaSchemaRef) -> usize {
        match schema {
            MetaSchemaRef::Inline(schema) => {
                let at = self.place();
                self.fill(at, schema);
                at
            }
            MetaSchemaRef::Reference(name) => {
                if let Some(at) = self.named.get(name) {
                    return *at;
                }
                let at = self.place();
                self.named.insert(name.clone(), at);
                if let Some(schema) = self.registry.schemas.get(name) {
                    self.fill(at, schema);
                }
                at
            }
        }
    }

    fn references(&mut self, schemas: &[MetaSchemaRef]) -> Vec<usize> {
        schemas.iter().map(|schema| self.reference(schema)).collect()
    }

    fn place(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn fill(&mut self, at: usize, schema: &MetaSchema) {
        let forms: Vec<_> = schema.any_of.iter().chain(&schema.one_of).cloned().collect();
        let node = Node {
            nullable: schema.nullable,
            read_only: schema.read_only,
            shape: self.shape(schema),
            choices: (!schema.enum_items.is_empty()).then(|| Choices::new(schema.enum_items.clone())),
            all_of: self.references(&schema.all_of),
            forms: self.references(&forms),
            exactly_one: !schema.one_of.is_empty(),
            selector: schema.discriminator.as_ref().map(|discriminator| {
                let named = |reference: &str| reference.rsplit('/').next().unwrap_or_default().to_owned();
                Selector {
                    property: discriminator.property_name,
                    choices: Choices::new(
                        discriminator.mapping.iter().map(|(value, _)| value.as_str().into()).collect(),
                    ),
                    forms: discriminator
                        .mapping
                        .iter()
                        .map(|(value, reference)| {
                            (value.clone(), self.reference(&MetaSchemaRef::Reference(named(reference))))
                        })
                        .collect(),
                }
            }),
            together: Together::No,
        };
        self.nodes[at] = node;
    }

    fn shape(&mut self, schema: &MetaSchema) -> Shape {
        match schema.ty {
            "boolean" => Shape::Boolean,
            "integer" | "non_zero_integer" => Shape::Integer(Integers::new(schema)),
            "number" => Shape::Number(Numbers::new(schema)),
            "string" | "char" => Shape::Text(Text {
                length: Length::new(schema.min_length, schema.max_length, "character"),
                pattern: schema.pattern.as_ref().map(|pattern| {
                    let regex = Regex::new(pattern).expect("a published pattern is a regular expression");
                    (regex, format!("must match the pattern {pattern}"))
                }),
                format: schema.format.and_then(Format::named),
            }),
            "array" => Shape::Array(Array {
                items: schema.items.as_ref().map(|items| self.reference(items)),
                // poem publishes the length of a fixed array as that of a string.
                length: Length::new(
                    schema.min_items.or(schema.min_length),
                    schema.max_items.or(schema.max_length),
                    "item",
                ),
                unique: schema.unique_items == Some(true),
            }),
            "object" => Shape::Object(self.object(schema)),
            _ => Shape::Any,
        }
    }

    fn object(&mut self, schema: &MetaSchema) -> Object {
        let mut properties: Vec<Property> = Vec::new();
        for (name, property) in &schema.properties {
            let node = self.reference(property);
            // A read-only property is required of answers, not of requests (OpenAPI 3.0, Schema Object).
            let required = schema.required.contains(name) && !self.nodes[node].read_only;
            properties.push(Property { name, node, required });
        }
        for name in &schema.required {
            if properties.iter().all(|property| property.name != *name) {
                let node = self.place();
                properties.push(Property { name, node, required: true });
            }
        }
        Object {
            required: properties.iter().filter(|property| property.required).count(),
            properties,
            additional: schema.additional_properties.as_ref().map(|additional| self.reference(additional)),
            length: Length::new(schema.min_properties, schema.max_properties, "property"),
        }
    }
}

/// The properties of a node that is put together, and whether that list is closed.
fn gather(nodes: &[Node], at: usize, seen: &mut HashSet<usize>, names: &mut Vec<&'static str>) -> bool {
    if !seen.insert(at) {
        return true;
    }
    let node = &nodes[at];
    let closed = match &node.shape {
        Shape::Object(object) => {
            names.extend(object.properties.iter().map(|property| property.name));
            // An object without properties says nothing about them by itself; its forms may.
            object.additional.is_none() && (!object.properties.is_empty() || !node.forms.is_empty())
        }
        // The part of `allOf` that only adds a description or `nullable`.
        _ => true,
    };
    closed & node.all_of.iter().chain(&node.forms).fold(true, |closed, part| closed & gather(nodes, *part, seen, names))
}

/// How a node is put together.
fn together(nodes: &[Node], at: usize) -> Together {
    let node = &nodes[at];
    let speaks = |part: &usize| {
        let mut names = Vec::new();
        gather(nodes, *part, &mut HashSet::from([at]), &mut names);
        !names.is_empty()
    };
    let own = matches!(&node.shape, Shape::Object(object) if !object.properties.is_empty());
    let parts = usize::from(own)
        + node.all_of.iter().filter(|part| speaks(part)).count()
        + usize::from(node.forms.iter().any(speaks));
    if parts < 2 {
        return Together::No;
    }
    let mut names = Vec::new();
    if gather(nodes, at, &mut HashSet::new(), &mut names) { Together::Closed(names) } else { Together::Open }
}

/// Where the walk is; written out only when there is a fault to report.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

/// So many characters of a client's own key are repeated.
const LONGEST_KEY: usize = 64;

impl Path<'_> {
    fn write(&self, text: &mut String) {
        match self {
            Path::Root => {}
            Path::Key(parent, key) => {
                parent.write(text);
                if !text.is_empty() {
                    text.push('.');
                }
                let shown = key.chars().take(LONGEST_KEY);
                text.extend(shown.map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }));
                if key.chars().nth(LONGEST_KEY).is_some() {
                    text.push('…');
                }
            }
            Path::Index(parent, index) => {
                parent.write(text);
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        if text.is_empty() { "body".to_owned() } else { text }
    }
}

impl FieldError {
    /// Whether the fault is a NUL character and nothing else.
    #[must_use]
    pub fn is_nul(&self) -> bool {
        self.rule == HAS_NUL
    }
}

const HAS_NUL: &str = "must not contain the NUL character";

struct Walk<'s> {
    nodes: &'s [Node],
    refuse: bool,
    errors: Vec<FieldError>,
}

impl Walk<'_> {
    fn fault(&mut self, path: &Path<'_>, rule: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let error = FieldError { field: path.text(), rule: rule.into() };
        // Two parts of an `allOf` may find the same fault.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn is_full(&self) -> bool {
        self.errors.len() >= MAX_ERRORS
    }

    /// Checks `value` against a node. `refuse` says whether unknown properties of this very value are refused here;
    /// inside a composed node they are looked at once, for all its parts.
    fn visit(&mut self, at: usize, value: &Value, path: &Path<'_>, refuse: bool) {
        let nodes = self.nodes;
        let node = &nodes[at];
        if value.is_null() && node.nullable {
            return;
        }
        if let Some(choices) = &node.choices {
            if !choices.has(value) {
                self.fault(path, if value.is_null() { "must not be null" } else { choices.rule() });
            }
            return;
        }
        let refuse_in_parts = refuse && matches!(node.together, Together::No);
        self.shape(&node.shape, value, path, refuse_in_parts);
        for part in &node.all_of {
            self.visit(*part, value, path, refuse_in_parts);
        }
        if !node.forms.is_empty() {
            self.forms(node, value, path, refuse_in_parts);
        }
        if let (true, Together::Closed(names), Value::Object(map)) = (refuse, &node.together, value) {
            for key in map.keys().filter(|key| !names.contains(&key.as_str())) {
                self.fault(&Path::Key(path, key), rules::unknown_field(key, names.iter().copied()));
            }
        }
    }

    fn forms(&mut self, node: &Node, value: &Value, path: &Path<'_>, refuse: bool) {
        if let Some(selector) = &node.selector {
            let Value::Object(map) = value else { return };
            let property = Path::Key(path, selector.property);
            match map.get(selector.property) {
                None => self.fault(&property, "is required"),
                Some(named) => match selector.forms.iter().find(|(value, _)| named.as_str() == Some(value)) {
                    Some((_, form)) => self.visit(*form, value, path, refuse),
                    None => self.fault(&property, selector.choices.rule()),
                },
            }
            return;
        }
        let outer = std::mem::take(&mut self.errors);
        let mut best: Option<Vec<FieldError>> = None;
        let mut fitting = 0;
        // What each form says of the value itself: of a word or a number, both are what it may be.
        let mut ways: Option<Vec<String>> = Some(Vec::new());
        for form in &node.forms {
            self.visit(*form, value, path, refuse);
            let errors = std::mem::take(&mut self.errors);
            fitting += usize::from(errors.is_empty());
            match (errors.as_slice(), &mut ways) {
                ([only], Some(ways)) if !value.is_object() && !value.is_array() => ways.push(only.rule.clone()),
                _ => ways = None,
            }
            if best.as_ref().is_none_or(|best| errors.len() < best.len()) {
                best = Some(errors);
            }
        }
        self.errors = outer;
        // Forms that are told apart by a format alone are left to the type's own parser.
        let ambiguous = node.exactly_one && fitting > 1 && value.is_object();
        if ambiguous {
            self.fault(path, "must match exactly one of the permitted forms");
        }
        if let Some(ways) = ways.filter(|ways| ways.len() > 1) {
            return self.fault(path, ways.join(", or "));
        }
        for error in best.into_iter().flatten() {
            if !self.is_full() && !self.errors.contains(&error) {
                self.errors.push(error);
            }
        }
    }

    fn shape(&mut self, shape: &Shape, value: &Value, path: &Path<'_>, refuse: bool) {
        match (shape, value) {
            (Shape::Any, _) => self.scan(value, path),
            (_, Value::Null) => self.fault(path, "must not be null"),
            (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Boolean, _) => self.mismatch(path, "must be true or false", value),
            (Shape::Integer(integers), Value::Number(number)) => {
                if let Some(rule) = integers.fault(number) {
                    self.fault(path, rule);
                }
            }
            (Shape::Integer(integers), _) => self.mismatch(path, integers.rule(), value),
            (Shape::Number(numbers), Value::Number(number)) => {
                if let Some(rule) = numbers.fault(number) {
                    self.fault(path, rule);
                }
            }
            (Shape::Number(numbers), _) => self.mismatch(path, numbers.rule(), value),
            (Shape::Text(_), Value::String(text)) if has_nul(text) => self.fault(path, HAS_NUL),
            (Shape::Text(rule), Value::String(text)) => {
                for rule in rule.faults(text) {
                    self.fault(path, rule);
                }
            }
            (Shape::Text(_), _) => self.mismatch(path, "must be a string", value),
            (Shape::Array(array), Value::Array(items)) => self.array(array, items, path),
            (Shape::Array(_), _) => self.mismatch(path, "must be an array", value),
            (Shape::Object(object), Value::Object(map)) => self.object(object, map, path, refuse),
            (Shape::Object(_), _) => self.mismatch(path, "must be an object", value),
        }
    }

    fn mismatch(&mut self, path: &Path<'_>, rule: &str, value: &Value) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.fault(path, format!("{rule} (is {found})"));
    }

    fn array(&mut self, array: &Array, items: &[Value], path: &Path<'_>) {
        if let Some(rule) = array.length.fault(items.len()) {
            self.fault(path, rule);
        }
        if array.unique && !rules::are_unique(items) {
            self.fault(path, "must not contain the same item twice");
        }
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            match array.items {
                Some(node) => self.visit(node, item, &Path::Index(path, index), self.refuse),
                None => self.scan(item, &Path::Index(path, index)),
            }
        }
    }

    fn object(&mut self, object: &Object, map: &Map<String, Value>, path: &Path<'_>, refuse: bool) {
        let nodes = self.nodes;
        if let Some(rule) = object.length.fault(map.len()) {
            self.fault(path, rule);
        }
        // An object about which nothing is published may hold anything.
        let refuse = refuse && !object.properties.is_empty();
        let mut present = 0;
        let mut expected = 0;
        for (key, value) in map {
            if self.is_full() {
                return;
            }
            let here = Path::Key(path, key);
            if let Some(at) = object.find(key, expected) {
                let property = &object.properties[at];
                expected = at + 1;
                present += usize::from(property.required);
                if nodes[property.node].read_only {
                    self.fault(&here, "is read-only and must not be sent");
                } else {
                    self.visit(property.node, value, &here, self.refuse);
                }
                continue;
            }
            if has_nul(key) {
                self.fault(&here, HAS_NUL);
            }
            match object.additional {
                Some(node) => self.visit(node, value, &here, self.refuse),
                None if refuse => {
                    let names = object.properties.iter().map(|property| property.name);
                    self.fault(&here, rules::unknown_field(key, names));
                }
                None => self.scan(value, &here),
            }
        }
        if present < object.required {
            for property in &object.properties {
                if property.required && !map.contains_key(property.name) {
                    self.fault(&Path::Key(path, property.name), "is required");
                }
            }
        }
    }

    /// Looks for NUL where the schema has nothing to say: `SQLite` and C libraries would cut the text there.
    fn scan(&mut self, value: &Value, path: &Path<'_>) {
        match value {
            Value::String(text) if has_nul(text) => self.fault(path, HAS_NUL),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.scan(item, &Path::Index(path, index));
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let here = Path::Key(path, key);
                    if has_nul(key) {
                        self.fault(&here, HAS_NUL);
                    }
                    self.scan(value, &here);
                }
            }
            _ => {}
        }
    }
}

impl Object {
    /// The property's place. Clients mostly send them in the published order, so the `expected` one is tried first.
    fn find(&self, key: &str, expected: usize) -> Option<usize> {
        if self.properties.get(expected).is_some_and(|property| property.name == key) {
            return Some(expected);
        }
        self.properties.iter().position(|property| property.name == key)
    }
}

fn has_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}

#[cfg(test)]
mod tests;
