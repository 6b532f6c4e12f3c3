//! Bytes on the wire, streamed, whatever `Accept` says: reports, data files, backups.
//!
//! Must not know: any domain.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::Stream;
use poem::http::HeaderValue;
use poem::http::header::{CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{Binary, Type};

use crate::i18n::Language;

/// The media type of everything that is downloaded.
const OCTETS: &str = "application/octet-stream";

/// So much of a file is read and sent at a time.
const PIECE: usize = 256 * 1024;

/// Bytes with the name under which a browser keeps them.
pub struct Download {
    response: Response,
}

impl Download {
    /// `length` bytes from `pieces`. `name` is ASCII without quotes.
    pub fn new(name: &str, length: u64, pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        let mut response = Response::builder()
            .header(CONTENT_TYPE, OCTETS)
            .header(CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
            .body(Body::from_bytes_stream(pieces));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        Self { response }
    }

    /// A whole file, read as the client takes it.
    pub fn of_file(name: &str, mut file: File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok(Self::new(name, length, pieces(file)))
    }

    /// The same, for people who read `language`.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        let language = HeaderValue::from_static(language.code());
        self.response.headers_mut().insert(CONTENT_LANGUAGE, language);
        self
    }
}

/// The rest of a file; the disk is waited for off the async workers.
fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures_util::stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
            Ok::<_, io::Error>((Bytes::from(piece), file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok(if piece.is_empty() { None } else { Some((piece, file)) })
    })
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        self.response
    }
}

impl ApiResponse for Download {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: OCTETS, schema: Binary::<Vec<u8>>::schema_ref() }];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The bytes.",
                status: Some(200),
                status_range: None,
                content,
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        Binary::<Vec<u8>>::register(registry);
    }
}
