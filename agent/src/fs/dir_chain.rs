//! The open folders from the root down to the current one, with a bounded number of descriptors.

use std::collections::HashSet;
use std::sync::Arc;

use super::{DirHandle, FsError, Identity, RelPath};

/// A path of any depth that is held by folders, not by its name.
///
/// At most `max_open` descriptors are kept. A folder whose descriptor was given up is opened again
/// by its child's `..`, or from the nearest open ancestor, and taken only if it is the same inode.
#[derive(Debug)]
pub(super) struct DirChain {
    path: RelPath,
    levels: Vec<Level>,
    above: HashSet<Identity>,
    max_open: usize,
}

#[derive(Debug)]
struct Level {
    identity: Identity,
    handle: Option<Arc<DirHandle>>,
}

impl DirChain {
    pub(super) fn new(root: Arc<DirHandle>, max_open: usize) -> Self {
        let identity = root.identity();
        Self {
            path: RelPath::root(),
            levels: vec![Level {
                identity,
                handle: Some(root),
            }],
            above: HashSet::from([identity]),
            max_open: max_open.max(4),
        }
    }

    /// Where it stands.
    pub(super) fn path(&self) -> &RelPath {
        &self.path
    }

    /// Whether this folder is the current one or one above it.
    pub(super) fn holds(&self, identity: Identity) -> bool {
        self.above.contains(&identity)
    }

    /// Goes down into `name`; with `expect`, only into that very folder.
    pub(super) fn descend(
        &mut self,
        name: &[u8],
        expect: Option<Identity>,
    ) -> Result<Arc<DirHandle>, FsError> {
        let parent = self.current()?;
        let child = Arc::new(parent.open_dir(&self.path, name, expect)?);
        self.path.push(name).map_err(|_| FsError::BadName {
            path: self.path.child(name),
        })?;
        self.above.insert(child.identity());
        self.levels.push(Level {
            identity: child.identity(),
            handle: Some(Arc::clone(&child)),
        });
        // The root stays open; the window below it slides.
        if let Some(far) = self.levels.len().checked_sub(self.max_open)
            && far > 0
        {
            self.levels[far].handle = None;
        }
        Ok(child)
    }

    /// Goes up one folder; at the root nothing happens.
    pub(super) fn ascend(&mut self) {
        if self.levels.len() == 1 {
            return;
        }
        self.path.pop();
        if let Some(left) = self.levels.pop() {
            self.above.remove(&left.identity);
            if let (Some(parent), Some(child)) = (self.levels.last_mut(), left.handle)
                && parent.handle.is_none()
            {
                parent.handle = child.open_parent(parent.identity).map(Arc::new);
            }
        }
    }

    /// The current folder.
    pub(super) fn current(&mut self) -> Result<Arc<DirHandle>, FsError> {
        let top = self.levels.len() - 1;
        if let Some(handle) = &self.levels[top].handle {
            return Ok(Arc::clone(handle));
        }
        let (mut at, mut dir) = (0..top)
            .rev()
            .find_map(|at| self.levels[at].handle.clone().map(|handle| (at, handle)))
            .ok_or_else(|| FsError::Swapped {
                path: self.path.clone(),
            })?;
        let names: Vec<Vec<u8>> = self.path.components().map(<[u8]>::to_vec).collect();
        let mut path = RelPath::root();
        for name in &names[..at] {
            path.push(name).map_err(|_| FsError::BadName {
                path: self.path.clone(),
            })?;
        }
        while at < top {
            let level = &self.levels[at + 1];
            dir = Arc::new(dir.open_dir(&path, &names[at], Some(level.identity))?);
            path.push(&names[at]).map_err(|_| FsError::BadName {
                path: self.path.clone(),
            })?;
            at += 1;
            // Half a window is filled, so that the way up does not start from the root each time.
            if top - at < self.max_open / 2 {
                self.levels[at].handle = Some(Arc::clone(&dir));
            }
        }
        Ok(dir)
    }

    /// Goes to `path` from wherever it stands, by the common ancestor.
    pub(super) fn seek(&mut self, path: &RelPath) -> Result<Arc<DirHandle>, FsError> {
        while !path.as_prefix().starts_with(self.path.as_prefix()) {
            self.ascend();
        }
        let rest = RelPath::from_prefix(&path.as_prefix()[self.path.as_prefix().len()..])
            .map_err(|_| FsError::BadName { path: path.clone() })?;
        for name in rest.components() {
            self.descend(name, None)?;
        }
        self.current()
    }

    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.levels
            .iter()
            .filter(|level| level.handle.is_some())
            .count()
    }
}
