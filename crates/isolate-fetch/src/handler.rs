//! Who answers the guest's fetches.

use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};
use isolate_core::url::Url;

use crate::{Body, FetchError};

/// What a [`FetchHandler`] returns.
pub type FetchFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, FetchError>> + Send>>;

/// Answers the guest's fetches. Closures are handlers: see [`FetchOptions::on_fetch`](crate::FetchOptions::on_fetch).
///
/// A handler answers the whole fetch, redirects included: what it gives back is what the guest gets, but that a
/// redirect is an error if the guest wants no redirects (`redirect: 'error'`). [`FollowRedirects`](crate::FollowRedirects)
/// makes a handler that follows them out of one that does not.
pub trait FetchHandler: Send + Sync + 'static {
    /// Answers one fetch. The future is polled on the guest's thread and dropped when the guest aborts, or its context
    /// goes; so is the body that it gives.
    fn fetch(&self, request: Request<Body>) -> FetchFuture;
}

/// What a closure may give as its answer: a response, or a result of one.
pub trait IntoFetchResult {
    /// Turns it.
    ///
    /// # Errors
    /// If it is one.
    fn into_fetch_result(self) -> Result<Response<Body>, FetchError>;
}

impl<B: Into<Body>> IntoFetchResult for Response<B> {
    fn into_fetch_result(self) -> Result<Response<Body>, FetchError> {
        Ok(self.map(Into::into))
    }
}

impl<B: Into<Body>, E: Into<FetchError>> IntoFetchResult for Result<Response<B>, E> {
    fn into_fetch_result(self) -> Result<Response<Body>, FetchError> {
        self.map(|response| response.map(Into::into)).map_err(Into::into)
    }
}

impl<F, Fut> FetchHandler for F
where
    F: Fn(Request<Body>) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: IntoFetchResult,
{
    fn fetch(&self, request: Request<Body>) -> FetchFuture {
        let answer = self(request);
        Box::pin(async move { answer.await.into_fetch_result() })
    }
}

/// What a guest says about redirects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RedirectMode {
    /// They are followed.
    #[default]
    Follow,
    /// One is an error.
    Error,
    /// One is the answer.
    Manual,
}

/// What a guest's request has beside what [`http::Request`] holds: in its extensions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestInfo {
    /// The URL as the standard serializes it, with its fragment.
    pub url: String,
    /// What is to become of redirects.
    pub redirect: RedirectMode,
    /// Whether the request may outlive who asked. It does not here.
    pub keepalive: bool,
}

impl RequestInfo {
    /// Of a URL, with redirects followed.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), redirect: RedirectMode::Follow, keepalive: false }
    }
}

/// What a response may say beside what [`http::Response`] holds: in its extensions.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ResponseInfo {
    /// Where it came from, if that is not where the request went: `response.url`.
    pub url: Option<Url>,
    /// Whether it was redirected: `response.redirected`.
    pub redirected: bool,
    /// The text after the status code, if it is not the usual one: `response.statusText`.
    pub status_text: Option<String>,
}

impl ResponseInfo {
    /// Of a response that came from another URL.
    pub fn redirected_to(url: Url) -> Self {
        Self { url: Some(url), redirected: true, status_text: None }
    }
}
