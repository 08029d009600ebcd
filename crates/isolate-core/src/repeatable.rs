//! Runs that can be repeated: the wall clock and randomness by the context's options.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::SystemTime;

use isolate_engine::Glue;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{Context, ContextOptions, Error};

static REPEATABLE: Glue = Glue::new("isolate:repeatable", include_str!("glue/repeatable.js"));

/// How many random numbers are handed to the guest at a time.
const NUMBERS: usize = 128;

/// What of the world a context gets from its options.
pub(crate) struct Repeatable {
    start: Option<SystemTime>,
    seed: Option<u64>,
    random: Option<RefCell<Xoshiro256PlusPlus>>,
}

impl Repeatable {
    pub(crate) fn new(options: &ContextOptions) -> Self {
        let random = options.seed.map(|seed| RefCell::new(Xoshiro256PlusPlus::seed_from_u64(seed)));
        Self { start: options.start_time, seed: options.seed, random }
    }
}

/// Whole milliseconds since 1970, rounded down; before it they are negative.
pub(crate) fn epoch_ms(time: SystemTime) -> f64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_millis() as f64,
        Err(before) => -(before.duration().as_nanos().div_ceil(1_000_000) as f64),
    }
}

impl Context {
    /// Gives the guest its `Date` and `Math.random` if they are not to be the engine's.
    pub(crate) fn install_repeatable(&self) -> Result<(), Error> {
        let mut functions = Vec::new();
        if self.0.repeatable.start.is_some() {
            functions.push(self.function("__wall_now", |context: Context| epoch_ms(context.wall_time())));
        }
        if self.0.repeatable.random.is_some() {
            // 53 bits, as every number from 0 to 1 in these steps can be told from the next.
            functions.push(self.function("__random_numbers", |context: Context| {
                let number = |_| (context.random_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                (0..NUMBERS).map(number).collect::<Vec<f64>>()
            }));
        }
        if !functions.is_empty() {
            self.install(&REPEATABLE, functions)?;
        }
        Ok(())
    }

    /// What time it is to the guest: [`ContextOptions::start_time`] and what has passed [since](Self::now), or the machine's
    /// time.
    pub fn wall_time(&self) -> SystemTime {
        match self.0.repeatable.start {
            Some(start) => start.checked_add(self.now()).unwrap_or(start),
            None => SystemTime::now(),
        }
    }

    /// What time it was when the context's clock showed 0.
    pub(crate) fn time_origin(&self) -> SystemTime {
        let age = match self.clock() {
            crate::Clock::Real => self.now(),
            crate::Clock::Virtual | crate::Clock::VirtualAutoAdvance => self.age(),
        };
        let machines = || SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        self.0.repeatable.start.unwrap_or_else(machines)
    }

    /// [`ContextOptions::seed`].
    pub fn seed(&self) -> Option<u64> {
        self.0.repeatable.seed
    }

    /// A number by chance, for what need not be a secret: the next of the seed's, or one that cannot be foreseen.
    pub fn random_u64(&self) -> u64 {
        match &self.0.repeatable.random {
            Some(random) => random.borrow_mut().next_u64(),
            // Its keys are the system's random bytes.
            None => RandomState::new().build_hasher().finish(),
        }
    }
}
