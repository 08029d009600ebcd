//! The real network, within a policy: HTTP/1.1 and HTTP/2, TLS, and WebSockets.

mod address;
mod policy;
mod websocket;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use hyper::ext::ReasonPhrase;
use isolate_core::url::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;

use crate::body::ends_on_error;
use crate::{Body, FetchError, FetchErrorKind, FetchFuture, FetchHandler, FollowRedirects, RequestInfo, ResponseInfo};

pub use address::is_public;
pub use ipnet::IpNet;
pub use policy::{HostRule, NetworkPolicy};

type OnRequest = Arc<dyn Fn(&mut Parts) + Send + Sync>;
type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
type Resolver = Arc<dyn Fn(String) -> Lookup + Send + Sync>;

/// How the [`Network`] is used.
///
/// | option | default |
/// | --- | --- |
/// | policy | nothing is allowed |
/// | redirects | at most 20 |
/// | time to connect, with TLS | 10 s |
/// | time without a byte of a body | 60 s |
/// | time for all of it | no limit; [`FetchLimits::response_time`](crate::FetchLimits::response_time) holds for the head |
/// | resolver | the system's |
/// | certificates | the system's |
/// | `User-Agent` | `isolate/` and the version |
#[derive(Clone)]
#[non_exhaustive]
pub struct NetworkOptions {
    policy: NetworkPolicy,
    redirects: usize,
    connect_time: Duration,
    idle_time: Duration,
    total_time: Option<Duration>,
    on_request: Option<OnRequest>,
    resolver: Option<Resolver>,
    roots: Vec<CertificateDer<'static>>,
    user_agent: String,
    message_bytes: usize,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            policy: NetworkPolicy::default(),
            redirects: 20,
            connect_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            total_time: None,
            on_request: None,
            resolver: None,
            roots: Vec::new(),
            user_agent: concat!("isolate/", env!("CARGO_PKG_VERSION")).to_owned(),
            message_bytes: 16 << 20,
        }
    }
}

impl fmt::Debug for NetworkOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkOptions").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl NetworkOptions {
    /// With a policy.
    pub fn new(policy: NetworkPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Sets how many redirects are followed.
    #[must_use]
    pub fn redirects(mut self, most: usize) -> Self {
        self.redirects = most;
        self
    }

    /// Sets how long a connection may take to be made, TLS included.
    #[must_use]
    pub fn connect_time(mut self, time: Duration) -> Self {
        self.connect_time = time;
        self
    }

    /// Sets how long a body may stand still.
    #[must_use]
    pub fn idle_time(mut self, time: Duration) -> Self {
        self.idle_time = time;
        self
    }

    /// Sets how long a request and the body of its response may take in all.
    #[must_use]
    pub fn total_time(mut self, time: Duration) -> Self {
        self.total_time = Some(time);
        self
    }

    /// Sets what is done to each request before it is sent, after the policy has allowed it: the place for credentials
    /// that the guest never sees. It runs for each redirect too, so it is to look at the URI.
    #[must_use]
    pub fn on_request(mut self, hook: impl Fn(&mut Parts) + Send + Sync + 'static) -> Self {
        self.on_request = Some(Arc::new(hook));
        self
    }

    /// Sets who resolves names. What it gives is held against the policy.
    #[must_use]
    pub fn resolver<F, Fut>(mut self, resolver: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.resolver = Some(Arc::new(move |name| Box::pin(resolver(name))));
        self
    }

    /// Trusts a certificate (DER) besides those of the system.
    #[must_use]
    pub fn root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.roots.push(CertificateDer::from(der.into()));
        self
    }

    /// Sets the `User-Agent` of requests that have none.
    #[must_use]
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Sets how many bytes a message of a WebSocket may have. Default: 16 MiB.
    #[must_use]
    pub fn message_bytes(mut self, bytes: usize) -> Self {
        self.message_bytes = bytes;
        self
    }
}

/// The real network: a [`FetchHandler`] and a [`WebSocketHandler`](crate::WebSocketHandler). Clones share connections.
///
/// - HTTP/1.1, and HTTP/2 where TLS negotiates it; connections are kept for the next request.
/// - Bodies are decoded (`gzip`, `deflate`, `br`, `zstd`).
/// - The guest cannot set what frames a request: `Host`, `Content-Length`, `Connection` and their like are left out.
/// - No cookies are kept, no proxy is used, whatever the environment says.
///
/// ```
/// # use isolate_fetch::{FetchError, FetchOptions};
/// use isolate_fetch::network::{Network, NetworkOptions, NetworkPolicy};
///
/// let policy = NetworkPolicy::new().allow_host("api.example.com:443")?;
/// let network = Network::new(NetworkOptions::new(policy).on_request(|request| {
///     if request.uri.host() == Some("api.example.com") {
///         request.headers.insert("authorization", "Bearer 123".parse().unwrap());
///     }
/// }));
/// let options = FetchOptions::new().handler(network.clone()).web_socket(network);
/// # Ok::<_, FetchError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    follow: Arc<FollowRedirects<Hop>>,
}

impl Network {
    /// Nothing is connected before the first request.
    pub fn new(options: NetworkOptions) -> Self {
        let most = options.redirects;
        let hop = Hop(Arc::new(Inner { options, clients: Default::default() }));
        Self { follow: Arc::new(FollowRedirects::new(hop).most(most)) }
    }

    fn hop(&self) -> &Hop {
        self.follow.inner()
    }
}

impl FetchHandler for Network {
    fn fetch(&self, request: Request<Body>) -> FetchFuture {
        let response = self.follow.fetch(request);
        let Some(time) = self.hop().0.options.total_time else { return response };
        Box::pin(async move {
            let late = || FetchError::new(FetchErrorKind::Timeout, "the fetch took too long");
            let end = tokio::time::Instant::now() + time;
            let response = tokio::time::timeout_at(end, response).await.map_err(|_| late())??;
            Ok(response.map(|mut body| {
                let length = body.length();
                let mut sleep = Box::pin(tokio::time::sleep_until(end));
                let chunks = futures_util::stream::poll_fn(move |cx| {
                    if sleep.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Some(Err(late())));
                    }
                    body.poll_next_unpin(cx)
                });
                Body::of(ends_on_error(chunks), length)
            }))
        })
    }
}

struct Inner {
    options: NetworkOptions,
    /// With HTTP/2, and for WebSockets without.
    clients: [OnceLock<Result<reqwest::Client, String>>; 2],
}

/// One request, without what it is redirected to.
#[derive(Clone)]
struct Hop(Arc<Inner>);

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop").finish_non_exhaustive()
    }
}

/// Looks names up, and gives those addresses that the policy allows.
struct Checked(Arc<NetworkOptions>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let options = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = match &options.resolver {
                Some(resolver) => resolver(host.to_owned()).await?,
                None => tokio::net::lookup_host((host, 0)).await?.map(|a| a.ip()).collect(),
            };
            let mut refused = None;
            let mut allowed = Vec::new();
            for address in found {
                match options.policy.check_address(host, address) {
                    Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                    Err(e) => refused = Some(e),
                }
            }
            // A name that has an address of each kind is not to be trusted with either.
            if let Some(e) = refused {
                return Err(e.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Headers that frame a message or belong to the connection: <https://fetch.spec.whatwg.org/#forbidden-request-header>.
static FRAMING: [HeaderName; 11] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl Hop {
    fn client(&self, web_socket: bool) -> Result<&reqwest::Client, FetchError> {
        let made = self.0.clients[usize::from(web_socket)].get_or_init(|| self.make_client(web_socket));
        made.as_ref().map_err(|e| FetchError::new(FetchErrorKind::Network, e.clone()))
    }

    fn make_client(&self, web_socket: bool) -> Result<reqwest::Client, String> {
        let options = &self.0.options;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = options.roots.clone();
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(roots.clone(), provider.clone());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?;
        let mut tls = match verifier {
            Ok(verifier) => tls.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
            // A machine without certificates can still speak plain HTTP; TLS fails there, since nobody vouches for anybody.
            Err(e) => {
                tracing::warn!(target: "isolate", "the system's certificates cannot be used: {e}");
                let mut store = rustls::RootCertStore::empty();
                store.add_parsable_certificates(roots);
                tls.with_root_certificates(store).with_no_client_auth()
            }
        };
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_time)
            .read_timeout(options.idle_time)
            .http1_max_headers(1000)
            .http2_max_header_list_size(256 << 10)
            .dns_resolver(Arc::new(Checked(Arc::new(options.clone()))));
        if web_socket {
            builder = builder.http1_only().no_gzip().no_brotli().no_deflate().no_zstd();
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        } else {
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        builder.tls_backend_preconfigured(tls).build().map_err(|e| e.to_string())
    }

    /// What is sent, if the policy allows it.
    fn prepare(&self, request: Request<Body>) -> Result<(Parts, Body, Url), FetchError> {
        let options = &self.0.options;
        let url = match request.extensions().get::<RequestInfo>() {
            Some(info) => Url::parse(&info.url),
            None => Url::parse(&request.uri().to_string()),
        };
        let url = url.map_err(|e| FetchError::new(FetchErrorKind::Malformed, "the URL is not valid").with_source(e))?;
        options.policy.check(request.method(), &url)?;
        let (mut parts, body) = request.into_parts();
        for name in &FRAMING {
            parts.headers.remove(name);
        }
        parts.headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        parts.headers.entry(header::ACCEPT_LANGUAGE).or_insert(HeaderValue::from_static("*"));
        if let Ok(agent) = HeaderValue::from_str(&options.user_agent) {
            parts.headers.entry(header::USER_AGENT).or_insert(agent);
        }
        if let Some(hook) = &options.on_request {
            hook(&mut parts);
        }
        Ok((parts, body, url))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, FetchError> {
        let (parts, body, url) = self.prepare(request)?;
        let client = self.client(false)?;
        let mut sent = reqwest::Request::new(parts.method.clone(), url);
        *sent.headers_mut() = parts.headers;
        match body.length() {
            // A body of no bytes is framed for these methods alone.
            Some(0) if !matches!(parts.method.as_str(), "POST" | "PUT" | "PATCH") => {}
            _ => *sent.body_mut() = Some(reqwest::Body::wrap(body)),
        }
        let received = client.execute(sent).await.map_err(failed)?;
        let response: Response<reqwest::Body> = received.into();
        let (mut parts, body) = response.into_parts();
        // Of what the transport says besides, the guest is to know the text of the status alone.
        let extensions = std::mem::take(&mut parts.extensions);
        if let Some(reason) = extensions.get::<ReasonPhrase>() {
            let text = reason.as_bytes().iter().map(|&b| char::from(b)).collect();
            parts.extensions.insert(ResponseInfo { status_text: Some(text), ..ResponseInfo::default() });
        }
        Ok(Response::from_parts(parts, Body::wrap_with(body, failed)))
    }
}

/// What went wrong, in words for the guest that tell nothing of the host's network but what it could see itself.
fn failed(e: reqwest::Error) -> FetchError {
    // Ours may be deep inside: what the policy said of an address, or what became of the guest's own body.
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&e);
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<FetchError>() {
            return FetchError::new(ours.kind(), ours.message()).with_source(e);
        }
        source = inner.source();
    }
    let (kind, message) = if e.is_timeout() {
        (FetchErrorKind::Timeout, "the connection or the response took too long")
    } else if e.is_connect() {
        (FetchErrorKind::Network, "the connection could not be made")
    } else if e.is_decode() || e.is_body() {
        (FetchErrorKind::Network, "the body broke off or is malformed")
    } else {
        (FetchErrorKind::Network, "the request failed")
    };
    FetchError::new(kind, message).with_source(e)
}

impl FetchHandler for Hop {
    fn fetch(&self, request: Request<Body>) -> FetchFuture {
        let this = self.clone();
        Box::pin(async move { this.send(request).await })
    }
}
