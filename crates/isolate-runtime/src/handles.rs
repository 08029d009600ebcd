//! The packages' handles, from any thread.
//!
//! A package's own handle belongs to the runtime's thread. These ask it from afar; each call waits until the thread gets to
//! it, and fails with [`ErrorKind::Disposed`](isolate_core::ErrorKind::Disposed) once the runtime is gone.

use std::collections::HashMap;
use std::time::Duration;

use isolate_core::Error;

use crate::Runtime;
use crate::owner::Handles;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident, $how:ident) => {
        $(#[$doc])*
        ///
        /// Every method fails only if the runtime is disposed of.
        #[derive(Clone, Debug)]
        pub struct $name(Runtime);

        impl $name {
            async fn ask<R: Send + 'static>(
                &self,
                f: impl FnOnce(&<Handles as Of<$name>>::Handle) -> R + Send + 'static,
            ) -> Result<R, Error> {
                self.0.with_handles(move |_, handles| f(Of::<$name>::of(handles))).await
            }
        }

        impl Runtime {
            $(#[$doc])*
            pub fn $how(&self) -> $name {
                $name(self.clone())
            }
        }
    };
}

/// Which of the handles a remote one stands for.
trait Of<Remote> {
    type Handle;
    fn of(&self) -> &Self::Handle;
}

macro_rules! of {
    ($name:ident, $field:ident, $handle:ty) => {
        impl Of<$name> for Handles {
            type Handle = $handle;
            fn of(&self) -> &$handle {
                &self.$field
            }
        }
    };
}

handle!(
    /// What the host may see of the guest's console.
    RemoteConsole, console
);
of!(RemoteConsole, console, isolate_console::ConsoleHandle);

impl RemoteConsole {
    /// Timers that run, by their labels, and for how long.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn timers(&self) -> Result<HashMap<String, Duration>, Error> {
        self.ask(|console| console.timers()).await
    }

    /// Counters, by their labels.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn counters(&self) -> Result<HashMap<String, u64>, Error> {
        self.ask(|console| console.counters()).await
    }

    /// How many groups are open.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn group_depth(&self) -> Result<usize, Error> {
        self.ask(|console| console.group_depth()).await
    }

    /// Forgets timers, counters and groups.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn reset(&self) -> Result<(), Error> {
        self.ask(|console| console.reset()).await
    }
}

handle!(
    /// The guest's timers.
    RemoteTimers, timers
);
of!(RemoteTimers, timers, isolate_timers::TimersHandle);

impl RemoteTimers {
    /// Moves the virtual clock forward and fires what becomes due on the way; the same as [`Runtime::tick`].
    ///
    /// # Errors
    /// If the runtime is stopped or disposed of.
    pub async fn tick(&self, time: Duration) -> Result<(), Error> {
        self.0.tick(time).await
    }

    /// Removes every pending timer.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn clear_all(&self) -> Result<(), Error> {
        self.ask(|timers| timers.clear_all()).await
    }

    /// How many timers are pending; an interval counts once.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn pending(&self) -> Result<usize, Error> {
        self.ask(|timers| timers.pending()).await
    }
}

handle!(
    /// What the host may see of `path`.
    RemotePath, path
);
of!(RemotePath, path, isolate_path::PathHandle);

impl RemotePath {
    /// The directory that relative paths start from.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn working_directory(&self) -> Result<String, Error> {
        self.ask(|path| path.working_directory()).await
    }

    /// Sets it.
    ///
    /// # Errors
    /// If it is not an absolute path, or the runtime is disposed of.
    pub async fn set_working_directory(&self, path: impl Into<String>) -> Result<(), Error> {
        let to = path.into();
        self.ask(|path| path.set_working_directory(to)).await?
    }
}

#[cfg(feature = "crypto")]
mod crypto {
    use super::*;

    handle!(
        /// What the host may see of Web Crypto.
        RemoteCrypto, crypto
    );
    of!(RemoteCrypto, crypto, isolate_crypto::CryptoHandle);

    impl RemoteCrypto {
        /// How many keys the guest has.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn keys(&self) -> Result<usize, Error> {
            self.ask(|crypto| crypto.keys()).await
        }
    }
}
#[cfg(feature = "crypto")]
pub use crypto::RemoteCrypto;

#[cfg(feature = "fetch")]
mod fetch {
    use isolate_fetch::{CloseFrame, FetchError, Message, UpgradeRequest, WebSocketCommand};

    use super::*;

    handle!(
        /// What the host may see of `fetch` and `serve`. Requests go through [`Runtime::dispatch_request`].
        RemoteFetch, fetch
    );
    of!(RemoteFetch, fetch, isolate_fetch::FetchHandle);

    impl RemoteFetch {
        /// Fetches whose response has not come yet.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn pending(&self) -> Result<usize, Error> {
            self.ask(|fetch| fetch.pending()).await
        }

        /// Whether the guest has called `serve`.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn has_serve_handler(&self) -> Result<bool, Error> {
            self.ask(|fetch| fetch.has_serve_handler()).await
        }

        /// Whether a connection to the guest's `serve` is open.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn has_active_connections(&self) -> Result<bool, Error> {
            self.ask(|fetch| fetch.has_active_connections()).await
        }

        /// WebSockets that the guest has open as a client.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn web_sockets(&self) -> Result<usize, Error> {
            self.ask(|fetch| fetch.web_sockets()).await
        }

        /// What the guest asked for when the last request was to become a WebSocket; see
        /// [`FetchHandle::get_upgrade_request`](isolate_fetch::FetchHandle::get_upgrade_request).
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn get_upgrade_request(&self) -> Result<Option<UpgradeRequest>, Error> {
            self.ask(|fetch| fetch.get_upgrade_request()).await
        }

        /// Sets who is told what the guest sends over its WebSockets. The hook runs on the runtime's thread.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn on_web_socket_command(
            &self,
            hook: impl Fn(WebSocketCommand) + Send + 'static,
        ) -> Result<(), Error> {
            self.ask(|fetch| fetch.on_web_socket_command(hook)).await
        }

        /// Tells the guest that a connection is open.
        ///
        /// # Errors
        /// If the runtime is disposed of; inside, as
        /// [`FetchHandle::dispatch_web_socket_open`](isolate_fetch::FetchHandle::dispatch_web_socket_open).
        pub async fn dispatch_web_socket_open(&self, connection: u64) -> Result<Result<(), FetchError>, Error> {
            self.ask(move |fetch| fetch.dispatch_web_socket_open(connection)).await
        }

        /// Gives the guest a message.
        ///
        /// # Errors
        /// As [`dispatch_web_socket_open`](Self::dispatch_web_socket_open).
        pub async fn dispatch_web_socket_message(
            &self,
            connection: u64,
            message: Message,
        ) -> Result<Result<(), FetchError>, Error> {
            self.ask(move |fetch| fetch.dispatch_web_socket_message(connection, message)).await
        }

        /// Tells the guest that a connection is closed.
        ///
        /// # Errors
        /// As [`dispatch_web_socket_open`](Self::dispatch_web_socket_open).
        pub async fn dispatch_web_socket_close(
            &self,
            connection: u64,
            frame: Option<CloseFrame>,
        ) -> Result<Result<(), FetchError>, Error> {
            self.ask(move |fetch| fetch.dispatch_web_socket_close(connection, frame)).await
        }
    }
}
#[cfg(feature = "fetch")]
pub use fetch::RemoteFetch;

#[cfg(feature = "fs")]
mod fs {
    use super::*;

    handle!(
        /// What the host may see of the guest's files.
        RemoteFs, fs
    );
    of!(RemoteFs, fs, isolate_fs::FsHandle);

    impl RemoteFs {
        /// Files that are open to be written, or for synchronous access.
        ///
        /// # Errors
        /// If the runtime is disposed of.
        pub async fn open(&self) -> Result<usize, Error> {
            self.ask(|fs| fs.open()).await
        }
    }
}
#[cfg(feature = "fs")]
pub use fs::RemoteFs;
