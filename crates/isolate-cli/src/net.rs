//! What the flags grant of the network.

use isolate_runtime::FetchOptions;

use crate::args::Options;
use crate::report::Failure;

pub(crate) fn fetch_options(_options: &Options) -> Result<FetchOptions, Failure> {
    Ok(FetchOptions::new())
}
