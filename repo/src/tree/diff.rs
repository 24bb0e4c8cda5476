//! What differs between two trees.

use std::cmp::Ordering;

use super::entry::Entry;
use super::key::compare;
use super::key_range::KeyRange;
use super::page_failure::PageFailure;
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
///
/// After an error it stands behind the page that could not be read and may be asked on. What
/// stands below that page in one tree is compared with nothing: of the other tree's entries in its
/// range nobody can say whether they were added or removed.
pub struct TreeDiff<'s, S> {
    /// Nothing to compare: the roots are the same.
    same: bool,
    old: Tree<'s, S>,
    new: Tree<'s, S>,
}

/// One of the two trees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The old one.
    Old,
    /// The new one.
    New,
}

/// A page of one of the trees could not be read.
#[derive(Debug)]
pub struct SideFailure<E> {
    /// Of which.
    pub side: Side,
    /// The page.
    pub failure: Box<PageFailure<E>>,
}

/// A tree, as far as it was walked.
struct Tree<'s, S> {
    side: Side,
    walk: Walk<'s, S>,
    /// Below the page that could not be read last. Pages are read when the other tree has come to
    /// them, so whatever lay below an earlier one has passed.
    hole: Option<KeyRange>,
}

impl<'s, S: PageSource> Tree<'s, S> {
    fn new(source: &'s S, root: ChunkRef, side: Side) -> Self {
        Self {
            side,
            // Nothing is announced: most pages are never read.
            walk: Walk::new(source, root, false, None),
            hole: None,
        }
    }

    /// Whether it cannot be known what stands there.
    fn hides(&self, located: &Located) -> bool {
        let hole = self.hole.as_ref();
        hole.is_some_and(|hole| hole.holds(&located.parent, &located.entry.name))
    }

    /// Reads the root, if it was not read yet.
    fn start(&mut self) -> Result<(), SideFailure<S::Error>> {
        let read = self.walk.start();
        read.map_err(|failure| self.note(failure))
    }

    /// Reads the page that comes next.
    fn open(&mut self) -> Result<(), SideFailure<S::Error>> {
        let read = self.walk.open();
        read.map_err(|failure| self.note(failure))
    }

    fn note(&mut self, failure: Box<PageFailure<S::Error>>) -> SideFailure<S::Error> {
        self.hole = Some(failure.range.clone());
        SideFailure {
            side: self.side,
            failure,
        }
    }
}

/// What to do, once it is known what comes next in both trees.
enum Step {
    Done,
    SkipPages,
    OpenOld,
    OpenNew,
    TakeOld,
    TakeNew,
    TakeBoth,
}

impl<'s, S: PageSource> TreeDiff<'s, S> {
    /// Compares the trees under two roots.
    pub fn new(source: &'s S, old: ChunkRef, new: ChunkRef) -> Self {
        Self {
            same: old.id == new.id,
            old: Tree::new(source, old, Side::Old),
            new: Tree::new(source, new, Side::New),
        }
    }

    fn next_step(&mut self) -> Result<Step, SideFailure<S::Error>> {
        self.old.start()?;
        self.new.start()?;
        // The lower key goes first: so a page that both have is seen when both come to it.
        Ok(match (self.old.walk.next(), self.new.walk.next()) {
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
                        // Of the same level, the other one is opened next.
                        Ordering::Greater | Ordering::Equal => Step::OpenOld,
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

    fn step(&mut self) -> Result<Option<Difference>, SideFailure<S::Error>> {
        loop {
            match self.next_step()? {
                Step::Done => return Ok(None),
                Step::SkipPages => {
                    self.old.walk.skip_page();
                    self.new.walk.skip_page();
                }
                Step::OpenOld => self.old.open()?,
                Step::OpenNew => self.new.open()?,
                Step::TakeOld => {
                    let removed = self.old.walk.take();
                    if let Some(old) = removed.filter(|old| !self.new.hides(old)) {
                        return Ok(Some(Difference::Removed(old)));
                    }
                }
                Step::TakeNew => {
                    let added = self.new.walk.take();
                    if let Some(new) = added.filter(|new| !self.old.hides(new)) {
                        return Ok(Some(Difference::Added(new)));
                    }
                }
                Step::TakeBoth => {
                    if let (Some(old), Some(new)) = (self.old.walk.take(), self.new.walk.take())
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
    type Item = Result<Difference, SideFailure<S::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.same {
            return None;
        }
        self.step().transpose()
    }
}
