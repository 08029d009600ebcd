//! WebSockets over the real network: <https://www.rfc-editor.org/rfc/rfc6455>.

use futures_util::{SinkExt, StreamExt};
use http::header::{self, HeaderValue};
use http::{Request, StatusCode};
use isolate_core::url::Url;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Network, failed};
use crate::{
    Body, CloseFrame, FetchError, FetchErrorKind, Message, WebSocketConnection, WebSocketFuture, WebSocketHandler,
};

fn refused(message: &str) -> FetchError {
    FetchError::new(FetchErrorKind::Network, message)
}

impl WebSocketHandler for Network {
    fn connect(&self, request: Request<()>) -> WebSocketFuture {
        let this = self.clone();
        Box::pin(async move { this.open(request).await })
    }
}

impl Network {
    async fn open(&self, request: Request<()>) -> Result<WebSocketConnection, FetchError> {
        let hop = self.hop();
        let protocols = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
        let (parts, _, url) = hop.prepare(request.map(|()| Body::empty()))?;
        let key = generate_key();
        let mut sent = reqwest::Request::new(http::Method::GET, over_http(url)?);
        let headers = sent.headers_mut();
        *headers = parts.headers;
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let key_value = HeaderValue::from_str(&key).map_err(|_| refused("there is no key"))?;
        headers.insert(header::SEC_WEBSOCKET_KEY, key_value);
        let response = hop.client(true)?.execute(sent).await.map_err(failed)?;
        let got = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS
            || !got(header::UPGRADE).eq_ignore_ascii_case("websocket")
            || !got(header::CONNECTION).split(',').any(|v| v.trim().eq_ignore_ascii_case("upgrade"))
            || got(header::SEC_WEBSOCKET_ACCEPT) != derive_accept_key(key.as_bytes())
            // None was offered.
            || response.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS)
        {
            return Err(refused("the server does not accept the WebSocket"));
        }
        let protocol = got(header::SEC_WEBSOCKET_PROTOCOL).to_owned();
        let offered = protocols.as_ref().and_then(|p| p.to_str().ok()).unwrap_or_default();
        let chosen_well = match protocol.as_str() {
            "" => !response.headers().contains_key(header::SEC_WEBSOCKET_PROTOCOL),
            chosen => offered.split(',').any(|p| p.trim() == chosen),
        };
        if !chosen_well {
            return Err(refused("the server chose a subprotocol that was not offered"));
        }
        let upgraded = response.upgrade().await.map_err(failed)?;
        let limit = hop.0.options.message_bytes;
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(limit);
        config.max_frame_size = Some(limit);
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let (outgoing, incoming) = socket.split();
        let incoming = incoming.filter_map(|message| std::future::ready(from_wire(message)));
        let outgoing =
            outgoing.sink_map_err(broken).with(|message| std::future::ready(Ok::<_, FetchError>(to_wire(message))));
        Ok(WebSocketConnection::new(incoming, outgoing).protocol(protocol))
    }
}

fn over_http(mut url: Url) -> Result<Url, FetchError> {
    let scheme = match url.scheme() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return Err(refused("the URL is not one of a WebSocket")),
    };
    // Between special schemes, so it cannot fail.
    let _ = url.set_scheme(scheme);
    Ok(url)
}

fn broken(e: tungstenite::Error) -> FetchError {
    let message = match &e {
        tungstenite::Error::Capacity(_) => {
            return FetchError::new(FetchErrorKind::TooLarge, "the message is too large").with_source(e);
        }
        tungstenite::Error::Utf8(_) => "a text is not UTF-8",
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => "the connection is closed",
        _ => "the connection broke",
    };
    refused(message).with_source(e)
}

fn from_wire(message: Result<tungstenite::Message, tungstenite::Error>) -> Option<Result<Message, FetchError>> {
    Some(Ok(match message {
        Ok(tungstenite::Message::Text(text)) => Message::Text(text.to_string()),
        Ok(tungstenite::Message::Binary(bytes)) => Message::Binary(bytes),
        Ok(tungstenite::Message::Close(frame)) => Message::Close(Some(match frame {
            Some(f) => CloseFrame { code: f.code.into(), reason: f.reason.to_string() },
            None => CloseFrame { code: 1005, reason: String::new() },
        })),
        Ok(_) => return None,
        Err(tungstenite::Error::ConnectionClosed) => return None,
        Err(e) => return Some(Err(broken(e))),
    }))
}

fn to_wire(message: Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::Text(text.into()),
        Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        Message::Close(frame) => tungstenite::Message::Close(
            frame.map(|f| tungstenite::protocol::CloseFrame { code: f.code.into(), reason: f.reason.into() }),
        ),
    }
}
