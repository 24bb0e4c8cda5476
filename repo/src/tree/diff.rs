//! What differs between two trees.

use std::cmp::Ordering;

use super::entry::Entry;
use super::key::compare;
use super::read::{Located, PageSource};
use super::walk::{Next, Walk};
use crate::model::ChunkRef;

/// A difference between an old and a new tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// Only the new tree has it.
    Added(Located),
    /// Only the old tree has it.
    Removed(Located),
    /// Both have it and a field differs, be it only a time. Where chunks stand does not count.
    Changed {
        /// As the old tree has it, with its folder.
        old: Box<Located>,
        /// As the new tree has it.
        new: Box<Entry>,
    },
}

/// The differences between two trees of one repository, in the order of the keys.
///
/// Reads only the pages that differ, and holds one page a level of each tree. Content with more
/// extents than an entry holds counts as changed when its pages differ, which they do, too, when
/// chunks of it have moved.
pub struct TreeDiff<'s, S> {
    /// Nothing to compare: the roots are the same.
    same: bool,
    old: Walk<'s, S>,
    new: Walk<'s, S>,
    failed: bool,
}

/// What to do, once it is known what comes next in both trees.
enum Step {
    Done,
    SkipPages,
    OpenOld,
    OpenNew,
    OpenBoth,
    TakeOld,
    TakeNew,
    TakeBoth,
}

impl<'s, S: PageSource> TreeDiff<'s, S> {
    /// Compares the trees under two roots.
    pub fn new(source: &'s S, old: ChunkRef, new: ChunkRef) -> Self {
        Self {
            same: old.id == new.id,
            // Nothing is announced: most pages are never read.
            old: Walk::new(source, old, false, None),
            new: Walk::new(source, new, false, None),
            failed: false,
        }
    }

    fn next_step(&mut self) -> Result<Step, S::Error> {
        // The lower key goes first: so a page that both have is seen when both come to it.
        Ok(match (self.old.peek()?, self.new.peek()?) {
            (Next::End, Next::End) => Step::Done,
            (Next::Page(old, _), Next::Page(new, _)) if old.page.id == new.page.id => {
                Step::SkipPages
            }
            (Next::Page(old, old_level), Next::Page(new, new_level)) => {
                match old.first_key.cmp(&new.first_key) {
                    Ordering::Less => Step::OpenOld,
                    Ordering::Greater => Step::OpenNew,
                    // What both have can only be below the higher page.
                    Ordering::Equal => match old_level.cmp(&new_level) {
                        Ordering::Less => Step::OpenNew,
                        Ordering::Greater => Step::OpenOld,
                        Ordering::Equal => Step::OpenBoth,
                    },
                }
            }
            (Next::Page(old, _), Next::Entry(new)) => {
                match compare(&new.parent, &new.entry.name, &old.first_key) {
                    Ordering::Less => Step::TakeNew,
                    _ => Step::OpenOld,
                }
            }
            (Next::Entry(old), Next::Page(new, _)) => {
                match compare(&old.parent, &old.entry.name, &new.first_key) {
                    Ordering::Less => Step::TakeOld,
                    _ => Step::OpenNew,
                }
            }
            (Next::Entry(old), Next::Entry(new)) => {
                match (&old.parent, &old.entry.name).cmp(&(&new.parent, &new.entry.name)) {
                    Ordering::Less => Step::TakeOld,
                    Ordering::Greater => Step::TakeNew,
                    Ordering::Equal => Step::TakeBoth,
                }
            }
            (Next::Page(..), Next::End) => Step::OpenOld,
            (Next::End, Next::Page(..)) => Step::OpenNew,
            (Next::Entry(_), Next::End) => Step::TakeOld,
            (Next::End, Next::Entry(_)) => Step::TakeNew,
        })
    }

    fn step(&mut self) -> Result<Option<Difference>, S::Error> {
        loop {
            match self.next_step()? {
                Step::Done => return Ok(None),
                Step::SkipPages => {
                    self.old.skip_page();
                    self.new.skip_page();
                }
                Step::OpenOld => self.old.open()?,
                Step::OpenNew => self.new.open()?,
                Step::OpenBoth => {
                    self.old.open()?;
                    self.new.open()?;
                }
                Step::TakeOld => return Ok(self.old.take().map(Difference::Removed)),
                Step::TakeNew => return Ok(self.new.take().map(Difference::Added)),
                Step::TakeBoth => {
                    if let (Some(old), Some(new)) = (self.old.take(), self.new.take())
                        && !old.entry.same(&new.entry)
                    {
                        return Ok(Some(Difference::Changed {
                            old: Box::new(old),
                            new: Box::new(new.entry),
                        }));
                    }
                }
            }
        }
    }
}

impl<S: PageSource> Iterator for TreeDiff<'_, S> {
    type Item = Result<Difference, S::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.same {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
