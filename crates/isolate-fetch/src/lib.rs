//! `fetch` for guests, with the host in between; and a server side.
//!
//! | in the guest | on the host |
//! | --- | --- |
//! | `fetch`, `Headers`, `Request`, `Response`, `FormData` | [`FetchOptions::on_fetch`], [`FetchHandler`]; [`network`] for the real one |
//! | `WebSocket`, `CloseEvent` | [`FetchOptions::web_socket`], [`WebSocketHandler`] |
//! | `EventSource` | the handler of `fetch` |
//! | `serve` | [`FetchHandle::dispatch_request`], and for WebSockets the methods beside it |
//!
//! There is no ambient network: without a handler every fetch rejects. A handler takes and gives the types of the [`http`]
//! crate with a [`Body`] that streams; what a guest does not read is not asked for, and what it aborts is dropped.
//!
//! ```
//! use isolate_core::{Context, Error, EvalOptions};
//! use isolate_fetch::http::{Request, Response};
//! use isolate_fetch::{Body, FetchOptions, setup_fetch};
//!
//! # async fn show(ctx: &Context) -> Result<(), Box<dyn std::error::Error>> {
//! let options = FetchOptions::new().on_fetch(|request: Request<Body>| async move {
//!     Response::new(format!("{} {}", request.method(), request.uri()))
//! });
//! let fetch = setup_fetch(ctx, options)?;
//! ctx.eval("console.log(await (await fetch('https://example.com/')).text())", EvalOptions::new()).await?;
//!
//! // The other way round.
//! ctx.eval("serve({ fetch: (request) => Response.json({ you: request.url }) })", EvalOptions::new()).await?;
//! let answer = fetch.dispatch_request(Request::get("http://app.example/x").body(Body::empty())?);
//! let response = ctx.run_until(answer).await??;
//! println!("{}", response.status());
//! # Ok(()) }
//! ```
//!
//! Sources: <https://fetch.spec.whatwg.org/>, <https://xhr.spec.whatwg.org/#interface-formdata>,
//! <https://websockets.spec.whatwg.org/>, <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Where guests meet
//! something else is in `COMPATIBILITY.md`.

#![forbid(unsafe_code)]

mod body;
mod client;
mod counted;
mod error;
mod event_source;
mod guest;
mod handler;
mod mime;
mod multipart;
#[cfg(feature = "network")]
pub mod network;
mod options;
mod redirect;
mod serve;
mod websocket;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use isolate_core::{Context, DomExceptionName, Error, Glue, HostError, WeakContext};

pub use body::Body;
pub use error::{FetchError, FetchErrorKind};
pub use handler::{FetchFuture, FetchHandler, IntoFetchResult, RedirectMode, RequestInfo, ResponseInfo};
/// The `http` crate, whose types handlers take and give.
pub use http;
pub use options::{FetchLimits, FetchOptions};
pub use redirect::FollowRedirects;
pub use serve::{Answer, Dispatch, UpgradeRequest, WebSocketCommand};
pub use websocket::{CloseFrame, Message, WebSocketConnection, WebSocketFuture, WebSocketHandler};

static HEADERS: Glue = Glue::new("isolate:headers", include_str!("glue/headers.js"));
static BODY: Glue = Glue::new("isolate:body", include_str!("glue/body.js"));
static FETCH: Glue = Glue::new("isolate:fetch", include_str!("glue/fetch.js"));
static SERVE: Glue = Glue::new("isolate:serve", include_str!("glue/serve.js"));
static WEB_SOCKET: Glue = Glue::new("isolate:websocket", include_str!("glue/websocket.js"));
static EVENT_SOURCE: Glue = Glue::new("isolate:eventsource", include_str!("glue/eventsource.js"));
static FORM: Glue = Glue::new("isolate:formdata", include_str!("glue/formdata.js"));
static LOADED: Glue = Glue::new("isolate:fetch-loaded", "(function (host, p) { p.loaded = p.fetch.globals; })");

/// What a context has of fetch.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) options: RefCell<FetchOptions>,
    pub(crate) flights: guest::Flights,
    pub(crate) serve: serve::Serve,
    pub(crate) clients: client::Clients,
    pub(crate) sources: event_source::Sources,
    context: RefCell<Option<WeakContext>>,
    ready: Cell<bool>,
    loaded: Cell<bool>,
    form: Cell<bool>,
    served: Cell<bool>,
    web_socket: Cell<bool>,
    event_source: Cell<bool>,
    disposed: Cell<bool>,
}

impl State {
    /// WebSockets and event sources that are open, in both directions.
    pub(crate) fn connections(&self) -> usize {
        self.clients.len() + self.sources.len() + self.serve.web_sockets()
    }

    pub(crate) fn context(&self) -> Result<Context, HostError> {
        let context = self.context.borrow().as_ref().and_then(WeakContext::upgrade);
        context.ok_or_else(|| HostError::error("the context is gone"))
    }

    pub(crate) fn check(&self) -> Result<(), HostError> {
        match self.disposed.get() {
            true => Err(HostError::dom(DomExceptionName::InvalidStateError, "fetch was disposed of")),
            false => Ok(()),
        }
    }
}

/// What [`setup_fetch`] gives back. Dropping it changes nothing; the API goes with its context.
#[derive(Clone)]
pub struct FetchHandle {
    state: Rc<State>,
}

impl fmt::Debug for FetchHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchHandle").field("pending", &self.pending()).finish_non_exhaustive()
    }
}

type Load = fn(&Context, &Rc<State>) -> Result<(), Error>;

/// Groups of globals that are loaded together: their names, whether they are enumerable, and what loads them.
static GROUPS: &[(&[&str], bool, Load)] = &[
    (&["fetch"], true, load),
    (&["Headers", "Request", "Response"], false, load),
    (&["FormData"], false, load_form),
    (&["serve"], true, load_serve),
    (&["CloseEvent", "WebSocket"], false, load_web_socket),
    (&["EventSource"], false, load_event_source),
];

/// Sets up `fetch`, `Headers`, `Request`, `Response`, `FormData`, `WebSocket`, `CloseEvent`, `EventSource` and `serve` on the
/// guest's global object. A second time it only
/// replaces the options.
///
/// # Errors
/// If the context is stopped.
pub fn setup_fetch(context: &Context, options: FetchOptions) -> Result<FetchHandle, Error> {
    let state: Rc<State> = context.state();
    *state.options.borrow_mut() = options;
    *state.context.borrow_mut() = Some(context.weak());
    if !state.ready.replace(true) {
        for (names, enumerable, load) in GROUPS {
            let weak: Weak<State> = Rc::downgrade(&state);
            context.define_lazy_globals(names, *enumerable, move |context| match weak.upgrade() {
                Some(state) => {
                    load(context, &state)?;
                    context.install(&LOADED, vec![]).map(|_| ())
                }
                None => Ok(()),
            })?;
        }
    }
    Ok(FetchHandle { state })
}

/// Runs when the guest first touches one of the globals.
fn load(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    if !state.loaded.replace(true) {
        context.install(&HEADERS, guest::header_functions(context))?;
        context.install(&BODY, guest::body_functions(context, state))?;
        context.install(&FETCH, guest::functions(context, state))?;
    }
    Ok(())
}

pub(crate) fn load_form(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    load(context, state)?;
    if !state.form.replace(true) {
        context.install(&FORM, guest::form_functions(context, state))?;
    }
    Ok(())
}

fn load_serve(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    load(context, state)?;
    if !state.served.replace(true) {
        let exports = context.install(&SERVE, serve::functions(context, state))?;
        state.serve.set_functions(&exports)?;
    }
    Ok(())
}

fn load_web_socket(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    load(context, state)?;
    if !state.web_socket.replace(true) {
        context.install(&WEB_SOCKET, client::functions(context, state))?;
    }
    Ok(())
}

fn load_event_source(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    load(context, state)?;
    if !state.event_source.replace(true) {
        context.install(&EVENT_SOURCE, event_source::functions(context, state))?;
    }
    Ok(())
}

impl FetchHandle {
    /// How many fetches wait for their response.
    pub fn pending(&self) -> usize {
        self.state.flights.waiting()
    }

    /// Aborts what is under way. From now on every fetch rejects with an `InvalidStateError`.
    pub fn dispose(&self) {
        self.state.disposed.set(true);
        self.state.flights.abort_all();
        self.state.serve.dispose();
        self.state.clients.dispose();
        self.state.sources.dispose();
    }
}
