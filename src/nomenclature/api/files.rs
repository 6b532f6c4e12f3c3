//! Workbooks on the wire: an upload as it comes, in a form or by itself, and a download as it is read.
//!
//! Must not know: SQL, other domains.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use multer::Multipart;
use poem::http::header::{CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE};
use poem::http::{HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::error::ContentTypeError;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{Binary, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};

use crate::http::Failure;
use crate::i18n::Language;
use crate::nomenclature::words::{self, Why};

/// The media type of .xlsx.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The media type of forms with files.
const FORM: &str = "multipart/form-data";

/// Media types of a body that is a file by itself, and what such a file is called.
const FILES: &[(&str, &str)] = &[
    (XLSX, "import.xlsx"),
    ("application/vnd.ms-excel.sheet.binary.macroenabled.12", "import.xlsb"),
    ("application/vnd.ms-excel", "import.xls"),
    ("application/vnd.oasis.opendocument.spreadsheet", "import.ods"),
    ("text/csv", "import.csv"),
    ("application/octet-stream", "import"),
];

/// The most characters of a file's name that are kept.
const LONGEST_NAME: usize = 255;

/// So much of a file is read and sent at a time.
const PIECE: usize = 256 * 1024;

/// The bytes of an upload.
pub type Pieces = BoxStream<'static, io::Result<Bytes>>;

/// A workbook on its way in.
pub enum Upload {
    /// The body is the file.
    File(&'static str, Body),
    /// The file is the field `file` of a form.
    Form(Multipart<'static>),
}

impl Upload {
    /// The file's name and its bytes as they come.
    pub async fn open(self, language: Language) -> Result<(String, Pieces), Failure> {
        let mut form = match self {
            Self::File(name, body) => return Ok((name.to_owned(), body.into_bytes_stream().boxed())),
            Self::Form(form) => form,
        };
        let refused = |why: &Why| {
            let rule = words::why(language, why);
            let mut failure = Failure::invalid_field("file", rule.clone());
            failure.message = rule;
            failure.application()
        };
        loop {
            let field = form.next_field().await.map_err(|error| match broken(error) {
                Ok(cause) => Failure::classify(poem::error::ReadBodyError::Io(cause).into()),
                Err(_) => refused(&Why::Form),
            })?;
            let field = field.ok_or_else(|| refused(&Why::NoFile))?;
            if field.name() != Some("file") {
                continue;
            }
            let named = field.file_name().unwrap_or_default();
            // Browsers of old sent the whole path.
            let name = named.rsplit(['/', '\\']).next().unwrap_or_default();
            let name: String = name.chars().filter(|character| !character.is_control()).take(LONGEST_NAME).collect();
            let pieces = futures_util::stream::unfold(Some((form, field)), |state| async move {
                let (form, mut field) = state?;
                match field.chunk().await {
                    Ok(Some(piece)) => Some((Ok(piece), Some((form, field)))),
                    Ok(None) => None,
                    Err(error) => Some((Err(broken(error).unwrap_or_else(io::Error::other)), None)),
                }
            });
            return Ok((name, pieces.boxed()));
        }
    }
}

/// The failure of the body itself, if it was that which kept a form from being read.
fn broken(error: multer::Error) -> Result<io::Error, multer::Error> {
    match error {
        multer::Error::StreamReadFailed(cause) => Ok(match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        }),
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders => Ok(io::ErrorKind::UnexpectedEof.into()),
        other => Err(other),
    }
}

impl<'a> ApiExtractor<'a> for Upload {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Binary::<Vec<u8>>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let binary = Binary::<Vec<u8>>::schema_ref();
        let form = MetaSchema {
            properties: vec![("file", binary.clone())],
            required: vec!["file"],
            ..MetaSchema::new("object")
        };
        let content = vec![
            MetaMediaType { content_type: FORM, schema: MetaSchemaRef::Inline(Box::new(form)) },
            MetaMediaType { content_type: XLSX, schema: binary },
        ];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let Some(given) = request.headers().get(CONTENT_TYPE) else {
            return Err(ContentTypeError::ExpectContentType.into());
        };
        let given = given.to_str().unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence == FORM {
            let boundary = multer::parse_boundary(given)
                .map_err(|_| Failure::invalid_field("Content-Type", "must name the boundary of the form"))?;
            return Ok(Self::Form(Multipart::new(body.take()?.into_bytes_stream(), boundary)));
        }
        let Some((_, name)) = FILES.iter().find(|(known, _)| *known == essence) else {
            let message = format!("the Content-Type `{essence}` is not one this operation reads");
            return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into());
        };
        Ok(Self::File(name, body.take()?))
    }
}

/// A workbook that is downloaded.
pub struct Workbook {
    response: Response,
}

impl Workbook {
    /// A whole file, read as the client takes it. `name` is ASCII without quotes.
    pub fn new(name: &str, language: Language, mut file: File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        let mut response = Response::builder()
            .header(CONTENT_TYPE, XLSX)
            .header(CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
            .body(Body::from_bytes_stream(pieces(file)));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
        Ok(Self { response })
    }
}

/// The rest of a file; the disk is waited for off the async workers.
fn pieces(file: File) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
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

impl IntoResponse for Workbook {
    fn into_response(self) -> Response {
        self.response
    }
}

impl ApiResponse for Workbook {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: XLSX, schema: Binary::<Vec<u8>>::schema_ref() }];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The workbook.",
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
