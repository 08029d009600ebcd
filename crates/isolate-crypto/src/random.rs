//! Where random bytes come from.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use isolate_core::{DomExceptionName, HostError};
use openssl::symm::{Cipher, Crypter, Mode};

use crate::operation_error;

/// A source of random bytes. `true` for success.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Where keys, nonces, `getRandomValues` and `randomUUID` get their random bytes from.
#[derive(Clone)]
pub struct RandomSource(Source);

#[derive(Clone)]
enum Source {
    System,
    Given(Arc<Fill>),
}

impl Default for RandomSource {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for RandomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "RandomSource::system",
            Source::Given(_) => "RandomSource::from_fn",
        })
    }
}

impl RandomSource {
    /// OpenSSL's generator, which the operating system seeds. The default.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A generator that gives the same bytes for the same seed, so that a run can be repeated. Whoever knows the seed
    /// knows every key: this is for tests.
    pub fn seeded(seed: [u8; 32]) -> Self {
        let stream = Mutex::new(Keystream::new(&seed));
        Self::from_fn(move |out| {
            let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
            // The cipher cannot fail once it is made; if it was not, the bytes stay zero, as any would do here.
            if let Ok(stream) = &mut *stream {
                let _ = stream.fill(out);
            }
        })
    }

    /// The same for a number, as the [seeds of contexts](isolate_core::ContextOptions::seed) are.
    pub fn seeded_from_u64(seed: u64) -> Self {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().zip(seed.to_le_bytes()) {
            *place = byte;
        }
        Self::seeded(bytes)
    }

    /// A source of the host's own. Whatever it gives is taken for random. It is called on the guest's thread, with a
    /// zeroed buffer, and must fill all of it.
    ///
    /// With such a source everything that Web Crypto leaves to chance follows from its bytes alone: generated keys,
    /// salts of RSA-PSS, seeds of RSA-OAEP; nonces of ECDSA are derived from the message, as
    /// [RFC 6979](https://www.rfc-editor.org/rfc/rfc6979) says.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Source::Given(Arc::new(fill)))
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self.0, Source::System)
    }

    pub(crate) fn fill(&self, out: &mut [u8]) -> Result<(), HostError> {
        match &self.0 {
            Source::System => openssl::rand::rand_bytes(out).map_err(operation_error),
            Source::Given(fill) => {
                fill(out);
                Ok(())
            }
        }
    }

    /// A source for work on another thread. Its bytes do not depend on when that thread runs.
    pub(crate) fn fork(&self) -> Result<Self, HostError> {
        if self.is_system() {
            return Ok(self.clone());
        }
        let mut seed = [0; 32];
        self.fill(&mut seed)?;
        Ok(Self::seeded(seed))
    }
}

/// The key stream of AES-256 in counter mode, from a counter of zero.
struct Keystream(Crypter);

impl Keystream {
    fn new(seed: &[u8; 32]) -> Result<Self, HostError> {
        let cipher = Cipher::aes_256_ctr();
        Crypter::new(cipher, Mode::Encrypt, seed, Some(&[0; 16])).map(Self).map_err(operation_error)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), HostError> {
        let zeros = [0; 1024];
        for chunk in out.chunks_mut(zeros.len()) {
            let zeros = zeros.get(..chunk.len()).unwrap_or_default();
            // A stream cipher gives as many bytes as it takes; the interface wants room for a block more.
            let mut room = [0; 1024 + 16];
            let n = self.0.update(zeros, &mut room).map_err(operation_error)?;
            let made = room.get(..n).filter(|made| made.len() == chunk.len());
            chunk.copy_from_slice(
                made.ok_or_else(|| HostError::dom(DomExceptionName::OperationError, "no random bytes"))?,
            );
        }
        Ok(())
    }
}
