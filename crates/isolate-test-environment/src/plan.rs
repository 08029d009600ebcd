//! What there is to run, flat: steps in their order.

use isolate_core::{Error, Value, from_value};
use serde::Deserialize;

use crate::results::GuestError;

#[derive(Clone, Default, Deserialize)]
pub(crate) struct Flags {
    pub(crate) skip: bool,
    only: bool,
    pub(crate) todo: bool,
    pub(crate) fails: bool,
    concurrent: bool,
    sequential: bool,
    /// Milliseconds.
    #[serde(default)]
    pub(crate) timeout: Option<f64>,
    pub(crate) retry: u32,
    pub(crate) repeats: u32,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Hook {
    pub(crate) id: u32,
    #[serde(default)]
    pub(crate) timeout: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hooks {
    pub(crate) before_all: Vec<Hook>,
    pub(crate) after_all: Vec<Hook>,
    pub(crate) before_each: Vec<Hook>,
    pub(crate) after_each: Vec<Hook>,
}

/// A suite or a test, as glue tells of it.
#[derive(Deserialize)]
struct Node {
    test: bool,
    #[serde(default)]
    id: u32,
    name: String,
    flags: Flags,
    #[serde(default)]
    hooks: Option<Hooks>,
    #[serde(default)]
    children: Vec<Node>,
    #[serde(default)]
    error: Option<GuestError>,
}

impl Node {
    fn has_only(&self) -> bool {
        self.children.iter().any(|child| child.flags.only || child.has_only())
    }
}

pub(crate) struct Suite {
    pub(crate) parent: Option<usize>,
    pub(crate) names: Vec<String>,
    pub(crate) hooks: Hooks,
    pub(crate) error: Option<GuestError>,
    /// Whether some test in it, or below it, is to run.
    pub(crate) runs: bool,
}

pub(crate) struct Test {
    pub(crate) id: u32,
    pub(crate) suite: usize,
    pub(crate) name: String,
    pub(crate) flags: Flags,
    /// Whether it is to run.
    pub(crate) runs: bool,
}

pub(crate) enum Step {
    Enter(usize),
    /// One test, or several that run at once.
    Tests(Vec<usize>),
    Leave(usize),
}

#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) suites: Vec<Suite>,
    pub(crate) tests: Vec<Test>,
    pub(crate) steps: Vec<Step>,
}

/// What a suite hands down.
#[derive(Clone, Default)]
struct Inherited {
    selected: bool,
    skip: bool,
    todo: bool,
    concurrent: bool,
    timeout: Option<f64>,
    retry: u32,
}

impl Plan {
    pub(crate) fn new(collected: Value, wanted: impl Fn(&[String], &str) -> bool) -> Result<Self, Error> {
        let root: Node = from_value(collected)?;
        let mut plan = Self::default();
        let inherited = Inherited { selected: true, ..Inherited::default() };
        plan.add(root, None, Vec::new(), &inherited, &wanted);
        Ok(plan)
    }

    fn add(
        &mut self,
        node: Node,
        parent: Option<usize>,
        names: Vec<String>,
        inherited: &Inherited,
        wanted: &dyn Fn(&[String], &str) -> bool,
    ) -> bool {
        let index = self.suites.len();
        let only_some = node.has_only();
        self.suites.push(Suite {
            parent,
            names: names.clone(),
            hooks: node.hooks.unwrap_or_default(),
            error: node.error,
            runs: false,
        });
        self.steps.push(Step::Enter(index));
        let mut runs = false;
        for child in node.children {
            let flags = &child.flags;
            // Where something is marked, only what is marked runs; a marked suite hands that on.
            let selected = if only_some { flags.only } else { inherited.selected };
            let inside = Inherited {
                selected,
                skip: inherited.skip || flags.skip,
                todo: inherited.todo || flags.todo,
                concurrent: (inherited.concurrent || flags.concurrent) && !flags.sequential,
                timeout: flags.timeout.or(inherited.timeout),
                retry: flags.retry.max(inherited.retry),
            };
            if !child.test {
                let mut names = names.clone();
                names.push(child.name.clone());
                runs |= self.add(child, Some(index), names, &inside, wanted);
                continue;
            }
            let at = self.tests.len();
            let mut flags = child.flags;
            flags.todo = inside.todo;
            flags.timeout = inside.timeout;
            flags.retry = inside.retry;
            let this_runs = selected && !inside.skip && !inside.todo && wanted(&names, &child.name);
            runs |= this_runs;
            self.tests.push(Test { id: child.id, suite: index, name: child.name, flags, runs: this_runs });
            match self.steps.last_mut() {
                Some(Step::Tests(group))
                    if inside.concurrent && group.first().is_some_and(|&i| self.tests[i].flags.concurrent) =>
                {
                    group.push(at);
                }
                _ => self.steps.push(Step::Tests(vec![at])),
            }
            self.tests[at].flags.concurrent = inside.concurrent;
        }
        self.suites[index].runs = runs;
        self.steps.push(Step::Leave(index));
        runs
    }

    /// A suite and those it is in, the outermost first.
    pub(crate) fn chain(&self, suite: usize) -> Vec<usize> {
        let mut chain: Vec<usize> = std::iter::successors(Some(suite), |&s| self.suites[s].parent).collect();
        chain.reverse();
        chain
    }
}
