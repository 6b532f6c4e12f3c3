//! The operations of the document, found again from a matched path: which operation a request is, what it needs, and
//! which other methods its path knows.
//!
//! Must not know: any domain.

use std::collections::{BTreeMap, HashMap};

use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::Registry;

use super::schema::Schema;
use crate::auth::permissions::{self, Effect, Need};

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its `operationId`.
    pub id: &'static str,
    /// What its caller needs.
    pub need: Need,
    /// What it does.
    pub effect: Effect,
}

/// The operations of one route.
type Methods = Vec<(Method, Operation)>;

/// Every operation, by route and method.
#[derive(Debug, Default)]
pub struct Operations {
    by_route: HashMap<String, Methods>,
    /// The routes as segments, to find the methods of a path that was asked for with another one.
    routes: Vec<(Vec<String>, Methods)>,
    /// The names of each operation's path parameters, in the order they stand.
    path_parameters: HashMap<&'static str, Vec<String>>,
    /// What those parameters must be that are words of a list, by operation and name.
    words: HashMap<(&'static str, String), String>,
}

/// Why the operations do not fit the permission table.
#[derive(Debug, thiserror::Error)]
pub enum OperationsError {
    /// The handler names no operationId.
    #[error("{method} {path} has no operationId")]
    NoId {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// The permission table has no row for it.
    #[error("operation `{0}` has no row in the permission table (src/auth/permissions.rs)")]
    NoRow(&'static str),
}

impl Operations {
    /// Reads them from the handlers. An operation without an id or without a row in the permission table is refused, so
    /// that nothing is ever served unguarded.
    pub fn of<T: OpenApi>() -> Result<Self, OperationsError> {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let mut words = HashMap::new();
        let mut by_path: BTreeMap<String, Vec<(Method, Operation)>> = BTreeMap::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            for operation in path.operations {
                let id = operation.operation_id.ok_or_else(|| OperationsError::NoId {
                    method: operation.method.clone(),
                    path: path.path.clone(),
                })?;
                let row = permissions::need(id).zip(permissions::effect(id));
                let (need, effect) = row.ok_or(OperationsError::NoRow(id))?;
                for parameter in operation.params {
                    if let Some(rule) = Schema::words(&registry, &parameter.schema) {
                        words.insert((id, parameter.name), rule);
                    }
                }
                by_path.entry(path.path.clone()).or_default().push((operation.method, Operation { id, need, effect }));
            }
        }
        let mut operations = Self { words, ..Self::default() };
        for (path, methods) in by_path {
            let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            let parameters: Vec<String> = segments
                .iter()
                .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}').map(str::to_owned))
                .collect();
            for (_, operation) in &methods {
                operations.path_parameters.insert(operation.id, parameters.clone());
            }
            operations.routes.push((segments, methods.clone()));
            operations.by_route.entry(route_of(&path)).or_default().extend(methods);
        }
        Ok(operations)
    }

    /// The operation a request is, from the route the router matched.
    #[must_use]
    pub fn find(&self, method: &Method, route: &str) -> Option<Operation> {
        self.by_route.get(route)?.iter().find(|(known, _)| known == method).map(|(_, operation)| *operation)
    }

    /// The documented name of a path parameter that the router knows by its number (`param0`).
    #[must_use]
    pub fn path_parameter(&self, operation: &str, routed: &str) -> Option<&str> {
        let number: usize = routed.strip_prefix("param")?.parse().ok()?;
        self.path_parameters.get(operation)?.get(number).map(String::as_str)
    }

    /// What a parameter must be that is a word of a list.
    #[must_use]
    pub fn words(&self, operation: &'static str, parameter: &str) -> Option<&str> {
        self.words.get(&(operation, parameter.to_owned())).map(String::as_str)
    }

    /// The id of the operation that a request will be, before the router has seen it.
    #[must_use]
    pub fn asked_for(&self, method: &Method, path: &str) -> Option<&'static str> {
        self.at(path).find(|(known, _)| known == method).map(|(_, operation)| operation.id)
    }

    /// The operations of a concrete path.
    fn at(&self, path: &str) -> impl Iterator<Item = &(Method, Operation)> {
        let asked: Vec<&str> = path.split('/').collect();
        let fits = move |route: &[String]| {
            let mut pairs = route.iter().zip(&asked);
            route.len() == asked.len()
                && pairs.all(|(known, asked)| (known.starts_with('{') && !asked.is_empty()) || known == asked)
        };
        self.routes.iter().filter(move |(route, _)| fits(route)).flat_map(|(_, operations)| operations)
    }

    /// The methods a concrete path knows, HEAD and OPTIONS included; empty when no route matches it.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let mut methods: Vec<Method> = self.at(path).map(|(method, _)| method.clone()).collect();
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        if !methods.is_empty() {
            methods.push(Method::OPTIONS);
        }
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        methods
    }
}

/// The router's name for a documented path: parameters are numbered in the order they stand.
fn route_of(path: &str) -> String {
    let mut parameter = 0;
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') && segment.ends_with('}') {
            let name = format!(":param{parameter}");
            parameter += 1;
            name
        } else {
            segment.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documented_path_names_the_route_it_is_served_at() {
        assert_eq!(route_of("/account/info"), "/account/info");
        assert_eq!(route_of("/v1/users/{username}/tokens/{id}"), "/v1/users/:param0/tokens/:param1");
    }
}
