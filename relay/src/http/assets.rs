//! The web UI's files: inside the program in a release build, read from disk in a debug build.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web/dist"]
#[allow_missing = true]
struct Bundle;

/// Served in place of the UI by a debug build that has none.
const NO_BUNDLE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Lanyard relay</title>
<h1>The web UI has not been built</h1>
<p>Run <code>scripts/up</code>, or <code>npm --prefix relay/web ci &amp;&amp; npm --prefix relay/web run build</code>, and load this page again.</p>
</html>
";

/// Files that a browser can unpack, the smallest first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Answers with a file of the UI.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, "GET, HEAD")],
        )
            .into_response();
    }
    respond(Bundle::get, uri.path(), &headers)
}

fn respond(
    get: impl Fn(&str) -> Option<EmbeddedFile>,
    path: &str,
    headers: &HeaderMap,
) -> Response {
    let name = match path {
        "/" => "index.html",
        other => other.trim_start_matches('/'),
    };
    let Some(plain) = get(name).filter(|_| !is_packed(name)) else {
        if name == "index.html" {
            return (
                [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                NO_BUNDLE,
            )
                .into_response();
        }
        return (StatusCode::NOT_FOUND, "there is nothing here\n").into_response();
    };
    let packed = ENCODINGS
        .into_iter()
        .filter(|(encoding, _)| accepts(headers, encoding))
        .find_map(|(encoding, suffix)| Some((encoding, get(&format!("{name}{suffix}"))?)));
    let (encoding, file) = match packed {
        Some((encoding, file)) => (Some(encoding), file),
        None => (None, plain),
    };
    let tag = format!(
        "\"{}\"",
        lanyard_shared::b64::encode(&file.metadata.sha256_hash()[..16])
    );
    let unchanged = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = Response::new(if unchanged {
        Body::empty()
    } else {
        body(file.data)
    });
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(name)),
    );
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Names with a hash in them never get other content.
    let cache = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn is_packed(name: &str) -> bool {
    ENCODINGS.iter().any(|(_, suffix)| name.ends_with(suffix))
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts.any(|part| {
            part.strip_prefix("q=")
                .is_some_and(|q| q.parse() == Ok(0.0_f32))
        });
        named && !refused
    })
}

fn body(data: Cow<'static, [u8]>) -> Body {
    Body::from(match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(RustEmbed)]
    #[folder = "$CARGO_MANIFEST_DIR/tests/bundle"]
    struct Sample;

    fn ask(path: &str, accept: &str) -> Response {
        let headers = [(
            header::ACCEPT_ENCODING,
            HeaderValue::from_str(accept).unwrap(),
        )]
        .into_iter()
        .collect();
        respond(Sample::get, path, &headers)
    }

    fn text<'a>(response: &'a Response, name: &header::HeaderName) -> &'a str {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn hashed_assets_are_immutable_and_the_index_is_asked_for_again() {
        let index = ask("/", "");
        assert_eq!(
            text(&index, &header::CONTENT_TYPE),
            "text/html; charset=utf-8"
        );
        assert_eq!(text(&index, &header::CACHE_CONTROL), "no-cache");
        let asset = ask("/assets/app-1a2b3c4d.js", "");
        assert_eq!(
            text(&asset, &header::CACHE_CONTROL),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(
            text(&asset, &header::CONTENT_TYPE),
            "text/javascript; charset=utf-8"
        );
    }

    #[test]
    fn a_packed_file_is_chosen_by_what_the_browser_takes() {
        let encoding = |accept| {
            text(
                &ask("/assets/app-1a2b3c4d.js", accept),
                &header::CONTENT_ENCODING,
            )
            .to_owned()
        };
        assert_eq!(encoding("gzip, deflate, br"), "br");
        assert_eq!(encoding("gzip"), "gzip");
        assert_eq!(encoding("br;q=0, gzip;q=0.5"), "gzip");
        assert_eq!(encoding("identity"), "");
        assert_eq!(text(&ask("/", "br"), &header::CONTENT_ENCODING), "");
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let tag = text(&ask("/", ""), &header::ETAG).to_owned();
        let headers = [(header::IF_NONE_MATCH, HeaderValue::from_str(&tag).unwrap())]
            .into_iter()
            .collect();
        assert_eq!(
            respond(Sample::get, "/", &headers).status(),
            StatusCode::NOT_MODIFIED
        );
    }

    #[test]
    fn nothing_beside_the_bundle_is_served() {
        for path in [
            "/missing.js",
            "/../Cargo.toml",
            "/assets/../../Cargo.toml",
            "/assets/app-1a2b3c4d.js.br",
            "/assets",
        ] {
            assert_eq!(ask(path, "br").status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn without_a_bundle_the_page_says_how_to_build_one() {
        let response = respond(|_| None, "/", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::OK);
        assert!(NO_BUNDLE.contains("npm --prefix relay/web run build"));
    }
}
