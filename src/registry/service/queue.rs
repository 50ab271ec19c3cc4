//! What is to be built, each function once, the one that has waited longest
//! first.

use indexmap::IndexSet;

use crate::function::FunctionName;

#[derive(Debug, Default)]
pub(super) struct Queue(IndexSet<FunctionName>);

impl Queue {
    /// Adds a function behind all others, unless it waits already.
    pub(super) fn add(&mut self, name: FunctionName) {
        self.0.insert(name);
    }

    /// Adds a function in front of all others.
    pub(super) fn add_first(&mut self, name: FunctionName) {
        self.0.shift_insert(0, name);
    }

    /// Takes the first function that may be built now.
    pub(super) fn take(&mut self, may: impl Fn(&FunctionName) -> bool) -> Option<FunctionName> {
        let index = self.0.iter().position(may)?;
        self.0.shift_remove_index(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_is_first_whatever_its_name_and_each_waits_once() {
        let name = |text: &str| text.parse::<FunctionName>().unwrap();
        let mut queue = Queue::default();
        for text in ["z", "a", "z", "b"] {
            queue.add(name(text));
        }
        assert_eq!(queue.take(|name| name.as_str() != "z"), Some(name("a")));
        queue.add(name("a"));
        let rest: Vec<_> = std::iter::from_fn(|| queue.take(|_| true)).collect();
        assert_eq!(rest, [name("z"), name("b"), name("a")]);
    }
}
