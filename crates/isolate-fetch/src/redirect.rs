//! Redirects: <https://fetch.spec.whatwg.org/#http-redirect-fetch>.

use std::sync::Arc;

use http::header::{self, HeaderName};
use http::{Method, Request, Response, StatusCode};
use isolate_core::url::Url;

use crate::guest::uri;
use crate::{Body, FetchError, FetchErrorKind, FetchFuture, FetchHandler, RedirectMode, RequestInfo, ResponseInfo};

/// Makes a handler that follows redirects out of one that does not, as the Fetch standard says.
///
/// The inner handler is asked once for each request on the way, and so can refuse each. On the way to another origin
/// `Authorization`, `Cookie` and `Proxy-Authorization` are left behind; a body that came from a stream cannot be sent a
/// second time, so a redirect that needs that is an error.
#[derive(Debug)]
pub struct FollowRedirects<H> {
    inner: Arc<H>,
    most: usize,
}

impl<H: FetchHandler> FollowRedirects<H> {
    /// Follows at most 20 redirects, as the standard says.
    pub fn new(inner: H) -> Self {
        Self { inner: Arc::new(inner), most: 20 }
    }

    #[cfg(feature = "network")]
    pub(crate) fn inner(&self) -> &H {
        &self.inner
    }

    /// Sets how many are followed; one more is an error of the kind [`TooLarge`](FetchErrorKind::TooLarge).
    #[must_use]
    pub fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }
}

fn refused(message: impl Into<String>) -> FetchError {
    FetchError::new(FetchErrorKind::Network, message)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// What a request is sent again with.
struct Again {
    method: Method,
    headers: http::HeaderMap,
    body: Option<Body>,
    extensions: http::Extensions,
}

impl<H: FetchHandler> FetchHandler for FollowRedirects<H> {
    fn fetch(&self, request: Request<Body>) -> FetchFuture {
        let (inner, most) = (self.inner.clone(), self.most);
        let mode = request.extensions().get::<RequestInfo>().map(|info| info.redirect).unwrap_or_default();
        if mode != RedirectMode::Follow {
            return inner.fetch(request);
        }
        Box::pin(async move {
            let mut url = url_of(&request)?;
            let mut request = request;
            let mut followed = 0;
            loop {
                let mut again = Again {
                    method: request.method().clone(),
                    headers: request.headers().clone(),
                    body: request.body().try_clone(),
                    extensions: request.extensions().clone(),
                };
                let mut response = inner.fetch(request).await?;
                let Some(next) = location(&response, &url)? else {
                    if followed > 0 {
                        let info = response.extensions_mut().get_or_insert_default::<ResponseInfo>();
                        info.redirected = true;
                        info.url.get_or_insert(url);
                    }
                    return Ok(response);
                };
                followed += 1;
                if followed > most {
                    return Err(FetchError::new(
                        FetchErrorKind::TooLarge,
                        format!("there are more than {most} redirects"),
                    ));
                }
                again.change(response.status(), &url, &next)?;
                url = next;
                request = again.request(&url)?;
            }
        })
    }
}

fn url_of(request: &Request<Body>) -> Result<Url, FetchError> {
    let text = match request.extensions().get::<RequestInfo>() {
        Some(info) => info.url.clone(),
        None => request.uri().to_string(),
    };
    Url::parse(&text).map_err(|e| FetchError::new(FetchErrorKind::Malformed, "the URL is not valid").with_source(e))
}

/// Where a response redirects to, if it does.
fn location(response: &Response<Body>, url: &Url) -> Result<Option<Url>, FetchError> {
    if !is_redirect(response.status()) {
        return Ok(None);
    }
    let Some(value) = response.headers().get(header::LOCATION) else { return Ok(None) };
    let text = match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        // Each byte as it is, where a URL can have it.
        Err(_) => value.as_bytes().iter().fold(String::new(), |text, &b| match b {
            0..0x80 => text + char::from(b).encode_utf8(&mut [0; 4]),
            _ => text + &format!("%{b:02X}"),
        }),
    };
    let mut next = url.join(&text).map_err(|e| refused("the redirect's URL is not valid").with_source(e))?;
    if next.fragment().is_none() {
        next.set_fragment(url.fragment());
    }
    if !matches!(next.scheme(), "http" | "https") {
        return Err(refused(format!("a redirect to the scheme '{}' is not followed", next.scheme())));
    }
    if !next.username().is_empty() || next.password().is_some() {
        return Err(refused("a redirect to a URL with credentials is not followed"));
    }
    Ok(Some(next))
}

impl Again {
    fn change(&mut self, status: StatusCode, from: &Url, to: &Url) -> Result<(), FetchError> {
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Some(Body::empty());
            const OF_THE_BODY: [HeaderName; 5] = [
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_LOCATION,
                header::CONTENT_TYPE,
                header::CONTENT_LENGTH,
            ];
            for name in OF_THE_BODY {
                self.headers.remove(name);
            }
        } else if self.body.is_none() {
            return Err(refused("a body that is a stream cannot be sent again after a redirect"));
        }
        if from.origin() != to.origin() {
            for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::HOST] {
                self.headers.remove(name);
            }
        }
        Ok(())
    }

    fn request(self, url: &Url) -> Result<Request<Body>, FetchError> {
        let mut request = Request::new(self.body.unwrap_or_default());
        *request.method_mut() = self.method;
        *request.uri_mut() = uri(url.as_str())?;
        *request.headers_mut() = self.headers;
        *request.extensions_mut() = self.extensions;
        if let Some(info) = request.extensions_mut().get_mut::<RequestInfo>() {
            info.url = url.as_str().to_owned();
        }
        Ok(request)
    }
}
