//! What a contract tells the shared HTTP layer of itself: where its paths begin, how large its bodies may be, and how
//! its errors look, on the wire and in the document.
//!
//! Must not know: any domain. Each domain's `api` holds its own [`Contract`] value; `app` lists them.

use std::marker::PhantomData;

use poem::Response;
use poem::http::StatusCode;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};

use crate::http::context::RequestContext;
use crate::http::failure::Failure;

/// How many times longer than others an operation may take that is not to be hurried.
pub const UNHURRIED: u32 = 15;

/// A contract as the shared layer sees it. What it says of single operations it says of those that its domain has in the
/// house API too.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// Its name: `openapi/{name}.json`, `/docs/{name}`.
    pub name: &'static str,
    /// What the paths of its operations begin with. The longest match decides whose error shape an answer gets.
    pub prefixes: &'static [&'static str],
    /// The largest body it reads, in bytes, counted as they arrive.
    pub body_limit: usize,
    /// The operations whose valid bodies may be larger than that, each with its own limit.
    pub large_bodies: &'static [(&'static str, usize)],
    /// The operations that may take [`UNHURRIED`] times as long as others: they move as many bytes as their client has.
    pub unhurried: &'static [&'static str],
    /// Statuses that only these of its operations end with, of those that could by what they take and need: 402, 403 for
    /// a caller that is signed in, 409, 429.
    pub seldom: &'static [(u16, &'static [&'static str])],
    /// Pages for people that the contract has beside `/docs`: their titles and paths, for the landing page.
    pub pages: &'static [(&'static str, &'static str)],
    /// Gives a failure its shape. Status, `Retry-After`, `Allow` and the request's id are set by the caller.
    pub render: fn(&RequestContext, &Failure) -> Response,
    /// The HTTP status a failure travels under: its own, unless the contract has error codes inside a 200.
    pub status: fn(&Failure) -> StatusCode,
    /// Whether it speaks XML beside JSON: what a request asks for is then known from the start.
    pub xml: bool,
    /// Whether its operations take `Authorization: Basic`: an answer of 401 then asks for it too.
    pub basic: bool,
    /// What the paths begin with behind which a secret stands: it is not logged.
    pub secret_paths: &'static [&'static str],
    /// What the paths begin with that are there only while there are test controls.
    pub only_in_tests: &'static [&'static str],
    /// Whether `/a//b` is `/a/b`: for contracts whose clients join URLs that way.
    pub merges_slashes: bool,
    /// What paths end with after a colon (`x:new.xlsx`). The router takes a colon for the beginning of a parameter, so
    /// that these routes are registered with `%3A`; requests are brought into that form, and the document shows the colon.
    pub methods: &'static [&'static str],
}

impl Contract {
    /// What a contract is unless it says otherwise: JSON only, HTTP's own statuses, paths as they stand.
    #[must_use]
    pub const fn plain(render: fn(&RequestContext, &Failure) -> Response) -> Self {
        Self {
            name: "",
            prefixes: &[],
            body_limit: 0,
            large_bodies: &[],
            unhurried: &[],
            seldom: &[],
            pages: &[],
            render,
            status: Failure::status,
            xml: false,
            basic: false,
            secret_paths: &[],
            only_in_tests: &[],
            merges_slashes: false,
            methods: &[],
        }
    }

    /// The largest body that one of its operations reads, if that has a limit of its own.
    #[must_use]
    pub fn large_body(&self, operation: &str) -> Option<usize> {
        self.large_bodies.iter().find(|(id, _)| *id == operation).map(|(_, limit)| *limit)
    }

    /// Whether an operation is one of those that end with `status`, which only some do.
    #[must_use]
    pub fn may_answer(&self, status: u16, operation: &str) -> bool {
        self.seldom.iter().any(|(known, operations)| *known == status && operations.contains(&operation))
    }

    /// How much of `path` one of the prefixes covers, in whole segments.
    #[must_use]
    pub fn covers(&self, path: &str) -> Option<usize> {
        self.prefixes
            .iter()
            .filter(|prefix| path.strip_prefix(**prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            .map(|prefix| prefix.len())
            .max()
    }
}

/// How a contract's errors look in the document.
pub trait ErrorShape: Send + Sync + 'static {
    /// The statuses any of its operations can end with, each with a description.
    const STATUSES: &'static [(u16, &'static str)];

    /// The media type of its error bodies.
    const MEDIA_TYPE: &'static str;

    /// Registers the schemas of its error bodies.
    fn register(registry: &mut Registry);

    /// The schema of the body that goes with `status`.
    fn schema(status: u16) -> MetaSchemaRef;
}

/// The error side of a handler's result: a [`Failure`] that will be rendered in the shape `S` by the layer around the
/// handlers, and that documents the statuses of `S`.
#[derive(Debug)]
pub struct Refused<S>(Failure, PhantomData<S>);

impl<S, E: Into<Failure>> From<E> for Refused<S> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<S> From<Refused<S>> for poem::Error {
    fn from(refused: Refused<S>) -> Self {
        Self::from(refused.0)
    }
}

impl<S: ErrorShape> ApiResponse for Refused<S> {
    fn meta() -> MetaResponses {
        let responses = S::STATUSES
            .iter()
            .map(|(status, description)| MetaResponse {
                description,
                status: Some(*status),
                status_range: None,
                content: vec![MetaMediaType { content_type: S::MEDIA_TYPE, schema: S::schema(*status) }],
                headers: Vec::new(),
            })
            .collect();
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }
}
