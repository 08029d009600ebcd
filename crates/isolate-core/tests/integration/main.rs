//! One program for all tests that are outside of the crate: each program more is linked with the engines again.

mod abort;
mod blob;
mod blob_streams;
mod clone;
mod context;
mod encoding;
mod events;
mod filereader;
mod messaging;
mod modules;
mod performance;
mod poisoned_url_blob_encoding;
mod repeatable;
mod streams;
mod streams_with;
mod url;
#[cfg(feature = "urlpattern")]
mod urlpattern;
