//! The inodes that the kernel knows.
//!
//! The kernel counts how often it was told of an inode and says when it forgets them; until then
//! the number must stand for the same thing. It forgets when it needs memory, which is late: past
//! a bound it is asked to.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::node::{Node, TOP};

/// Inodes that the kernel knows.
pub(super) struct Inodes {
    table: Mutex<Table>,
    /// Somebody has to be forgotten, or there is nothing to do any more.
    too_many: Condvar,
    bound: u64,
}

struct Table {
    slots: HashMap<u64, Slot>,
    /// Bytes that the nodes take.
    cost: u64,
    /// Names the kernel was told of, oldest first, that it can be asked to forget: folder and
    /// name. Some are forgotten by now.
    names: VecDeque<Named>,
    closed: bool,
}

struct Slot {
    node: Arc<Node>,
    /// How often the kernel was told of it.
    told: u64,
}

/// A name in a folder that the kernel was told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Named {
    /// The inode of the folder.
    pub(super) folder: u64,
    /// The inode that was told.
    pub(super) inode: u64,
    /// The name.
    pub(super) name: Box<[u8]>,
}

impl Inodes {
    /// A table with the mounted folder, which is never forgotten. Beyond `bound` bytes the kernel
    /// is asked to forget.
    pub(super) fn new(top: Node, bound: u64) -> Self {
        let slot = Slot {
            node: Arc::new(top),
            told: 1,
        };
        Self {
            table: Mutex::new(Table {
                cost: slot.node.cost(),
                slots: HashMap::from([(TOP, slot)]),
                names: VecDeque::new(),
                closed: false,
            }),
            too_many: Condvar::new(),
            bound,
        }
    }

    /// What the number stands for.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Node>> {
        let table = self.table.lock();
        table.slots.get(&number).map(|slot| Arc::clone(&slot.node))
    }

    /// The number of a node that the kernel is about to be told of, one time more.
    ///
    /// If the number that is the node's own stands for another one, it gets the next that is free.
    pub(super) fn enter(&self, node: Node) -> u64 {
        let mut number = node.number();
        let mut table = self.table.lock();
        loop {
            match table.slots.get_mut(&number) {
                Some(slot) if number != TOP && slot.node.is(&node) => {
                    slot.told += 1;
                    return number;
                }
                Some(_) => number = number.wrapping_add(1),
                None => {
                    table.cost += node.cost();
                    let node = Arc::new(node);
                    table.slots.insert(number, Slot { node, told: 1 });
                    return number;
                }
            }
        }
    }

    /// Notes under which name the kernel was told of an inode that nothing stands below.
    pub(super) fn named(&self, named: Named) {
        let mut table = self.table.lock();
        table.cost += named.cost();
        table.names.push_back(named);
        if table.cost > self.bound {
            self.too_many.notify_one();
        }
    }

    /// The kernel has forgotten being told `times` times.
    pub(super) fn forget(&self, number: u64, times: u64) {
        if number == TOP {
            return;
        }
        let mut table = self.table.lock();
        if let Some(slot) = table.slots.get_mut(&number) {
            slot.told = slot.told.saturating_sub(times);
            if slot.told == 0
                && let Some(slot) = table.slots.remove(&number)
            {
                table.cost -= slot.node.cost();
            }
        }
    }

    /// Waits until there are too many; gives the oldest names that the kernel should forget, and
    /// nothing when the table is closed.
    pub(super) fn surplus(&self) -> Option<Vec<Named>> {
        /// Names that are given at once.
        const BATCH: usize = 256;
        let mut table = self.table.lock();
        loop {
            if table.closed {
                return None;
            }
            let mut surplus = Vec::new();
            // What will be left when these are forgotten.
            let mut left = table.cost;
            while left > self.bound
                && surplus.len() < BATCH
                && let Some(named) = table.names.pop_front()
            {
                table.cost -= named.cost();
                left = left.saturating_sub(named.cost());
                if let Some(slot) = table.slots.get(&named.inode) {
                    left = left.saturating_sub(slot.node.cost());
                    surplus.push(named);
                }
            }
            if !surplus.is_empty() {
                return Some(surplus);
            }
            self.too_many.wait(&mut table);
        }
    }

    /// Ends [`Self::surplus`].
    pub(super) fn close(&self) {
        self.table.lock().closed = true;
        self.too_many.notify_all();
    }

    /// Bytes that the table takes by now.
    pub(super) fn cost(&self) -> u64 {
        self.table.lock().cost
    }
}

impl Named {
    fn cost(&self) -> u64 {
        const FIXED: usize = 56;
        (FIXED + self.name.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(name: &str) -> Node {
        Node::Volume(name.as_bytes().into())
    }

    fn named(inode: u64, name: &str) -> Named {
        let name = name.as_bytes().into();
        Named {
            folder: TOP,
            inode,
            name,
        }
    }

    #[test]
    fn an_inode_is_forgotten_as_often_as_it_was_told() {
        let inodes = Inodes::new(Node::Top, 1 << 20);
        let number = inodes.enter(volume("a"));
        assert_eq!(inodes.enter(volume("a")), number);
        let other = inodes.enter(volume("b"));
        assert_ne!(number, other);
        inodes.forget(number, 1);
        assert!(inodes.get(number).is_some());
        inodes.forget(number, 1);
        assert!(inodes.get(number).is_none() && inodes.get(other).is_some());
        // More than it was told, and what was never told.
        inodes.forget(other, 7);
        inodes.forget(other, 1);
        assert!(inodes.get(other).is_none());
        inodes.forget(TOP, 1000);
        assert!(inodes.get(TOP).is_some());
        assert_eq!(inodes.cost(), Node::Top.cost());
        assert_eq!(inodes.enter(volume("a")), number, "numbers are stable");
    }

    #[test]
    fn two_nodes_never_share_a_number() {
        let inodes = Inodes::new(Node::Top, 1 << 20);
        let number = volume("a").number();
        let squatter = Slot {
            node: Arc::new(volume("b")),
            told: 1,
        };
        inodes.table.lock().slots.insert(number, squatter);
        assert_eq!(inodes.enter(volume("a")), number + 1);
        assert_eq!(inodes.enter(volume("a")), number + 1);
        assert!(inodes.get(number).unwrap().is(&volume("b")));
        assert!(inodes.get(number + 1).unwrap().is(&volume("a")));
    }

    #[test]
    fn beyond_the_bound_the_oldest_names_are_to_be_forgotten() {
        let inodes = Inodes::new(Node::Top, 2000);
        let mut numbers = Vec::new();
        for n in 0..20 {
            let name = format!("volume-{n}");
            numbers.push(inodes.enter(volume(&name)));
            inodes.named(named(numbers[n], &name));
        }
        // What is forgotten already is not asked for.
        inodes.forget(numbers[0], 1);
        let surplus = inodes.surplus().unwrap();
        assert_eq!(surplus[0], named(numbers[1], "volume-1"));
        for named in &surplus {
            inodes.forget(named.inode, 1);
        }
        assert!(inodes.get(numbers[19]).is_some());
        while inodes.cost() > 2000 {
            for named in inodes.surplus().unwrap() {
                inodes.forget(named.inode, 1);
            }
        }
        assert!(inodes.get(numbers[19]).is_some());
        inodes.close();
        assert_eq!(inodes.surplus(), None);
    }
}
