//! What the flags grant of the network.

use isolate_runtime::FetchOptions;
use isolate_runtime::fetch::network::{Network, NetworkOptions, NetworkPolicy};

use crate::args::Options;

/// Without a grant there is no handler, and `fetch` says so.
pub(crate) fn fetch_options(options: &Options) -> FetchOptions {
    if options.allow_net.is_empty() {
        return FetchOptions::new();
    }
    let policy = options.allow_net.iter().cloned().fold(NetworkPolicy::new(), NetworkPolicy::allow);
    let policy = options.allow_address.iter().copied().fold(policy, NetworkPolicy::allow_addresses);
    let network = Network::new(NetworkOptions::new(policy));
    FetchOptions::new().handler(network.clone()).web_socket(network)
}
