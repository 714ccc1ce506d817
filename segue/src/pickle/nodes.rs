//! The lists, tuples and dicts of a pickle, whose memory serves the next one.

use super::PickleError;
use super::value::{Kind, Node, Value};
use crate::scratch::Scratch;

/// So many are kept for the next pickle, and of each the room for so many items.
const KEPT: (usize, usize) = (64, 64);

/// Lists, tuples and dicts, each with its number.
#[derive(Default)]
pub(super) struct Nodes {
    /// Those of an earlier pickle come after the ones of this.
    all: Vec<Node>,
    len: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: u32) -> Option<&Node> {
        self.all.get(..self.len)?.get(usize::try_from(id).ok()?)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Node> {
        self.all.get_mut(..self.len)?.get_mut(usize::try_from(id).ok()?)
    }

    /// Another one, and its number.
    pub(super) fn add(&mut self, kind: Kind, items: &[Value]) -> Result<u32, PickleError> {
        let id = u32::try_from(self.len).map_err(|_| PickleError::TooLarge)?;
        match self.all.get_mut(self.len) {
            Some(node) => {
                node.kind = kind;
                node.items.extend_from_slice(items);
            }
            None => self.all.push(Node { kind, items: items.to_vec() }),
        }
        self.len += 1;
        Ok(id)
    }
}

impl Scratch for Nodes {
    fn empty(&mut self) {
        let (nodes, items) = KEPT;
        if self.all.len() > nodes {
            self.all.truncate(nodes);
            self.all.shrink_to(nodes);
        }
        for node in self.all.iter_mut().take(self.len) {
            node.items.clear();
            node.items.shrink_to(items);
        }
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_earlier_pickle_is_left_but_some_memory() {
        let mut nodes = Nodes::default();
        let many = vec![Value::Bool(true); 1000];
        for id in 0..100 {
            assert_eq!(nodes.add(Kind::Dict, &many).unwrap(), id);
        }
        nodes.empty();
        assert!(nodes.get(0).is_none() && nodes.get_mut(0).is_none());
        assert_eq!(nodes.add(Kind::List, &[Value::None]).unwrap(), 0);
        let node = nodes.get(0).unwrap();
        assert_eq!((node.kind, node.items.len()), (Kind::List, 1));
        assert!(nodes.get(1).is_none());
        let kept: usize = nodes.all.iter().map(|node| node.items.capacity()).sum();
        assert!(nodes.all.capacity() <= KEPT.0 && kept <= KEPT.0 * KEPT.1, "{kept}");
    }
}
