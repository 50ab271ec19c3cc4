//! A filter that finds a call's number by halving.
//!
//! The kernel runs a new filter once for every number there is, to learn which
//! calls it need not ask about again. A filter that compares one number after
//! the other makes that half a million steps, and every start pays for them.

use std::collections::BTreeSet;

use seccompiler::sock_filter;

use crate::sandbox::bpf::{ALLOW, JUMP, JUMP_IF_AT_LEAST, LOAD, NUMBER, RETURN, instruction};

/// What is done with the numbers from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Allow,
    /// What follows the tree looks at the arguments.
    Look,
    Refuse,
}

/// Allows some numbers, leaves others to the program that follows it, and
/// refuses all the rest with that action.
pub(super) fn build(
    allowed: &BTreeSet<u32>,
    looked_at: &BTreeSet<u32>,
    refuse: u32,
) -> Vec<sock_filter> {
    let answer = |number: u32| {
        if allowed.contains(&number) {
            Answer::Allow
        } else if looked_at.contains(&number) {
            Answer::Look
        } else {
            Answer::Refuse
        }
    };
    // Where the answer changes, each time with what it is from there on.
    let mut changes = vec![(0, answer(0))];
    for number in allowed.iter().chain(looked_at).flat_map(|number| [*number, number + 1]) {
        changes.push((number, answer(number)));
    }
    changes.sort_by_key(|(number, _)| *number);
    changes.dedup_by_key(|(number, _)| *number);
    changes.dedup_by_key(|(_, answer)| *answer);

    let mut program = vec![instruction(LOAD, 0, 0, NUMBER)];
    halve(&changes, refuse, &mut program);
    // Those that are left jump behind the end.
    let end = program.len();
    for (place, step) in program.iter_mut().enumerate() {
        if step.code == JUMP {
            step.k = u32::try_from(end - place - 1).unwrap_or(0);
        }
    }
    program
}

fn halve(changes: &[(u32, Answer)], refuse: u32, program: &mut Vec<sock_filter>) {
    match changes {
        [] => {}
        [(_, answer)] => program.push(match answer {
            Answer::Allow => instruction(RETURN, 0, 0, ALLOW),
            Answer::Look => instruction(JUMP, 0, 0, 0),
            Answer::Refuse => instruction(RETURN, 0, 0, refuse),
        }),
        _ => {
            let (low, high) = changes.split_at(changes.len() / 2);
            let place = program.len();
            program.push(instruction(JUMP_IF_AT_LEAST, 0, 0, high[0].0));
            halve(low, refuse, program);
            // A test keeps the tree small enough for this.
            program[place].jt = u8::try_from(program.len() - place - 1).unwrap_or(0);
            halve(high, refuse, program);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFUSE: u32 = 0x0005_0001;

    /// Runs a tree; `None` where it leaves the number to what follows.
    fn run(program: &[sock_filter], number: u32) -> Option<u32> {
        let mut at = 1;
        while let Some(step) = program.get(at) {
            at += 1 + match step.code {
                RETURN => return Some(step.k),
                JUMP => step.k as usize,
                JUMP_IF_AT_LEAST if number >= step.k => step.jt.into(),
                JUMP_IF_AT_LEAST => step.jf.into(),
                other => panic!("{other} is not in a tree"),
            };
        }
        None
    }

    proptest! {
        #[test]
        fn every_number_gets_its_own_answer(
            allowed in proptest::collection::btree_set(0..200_u32, 0..60),
            looked_at in proptest::collection::btree_set(0..200_u32, 0..10),
        ) {
            let program = build(&allowed, &looked_at, REFUSE);
            for number in (0..210).chain([0x4000_0000, 0x4000_0001, u32::MAX]) {
                let expected = if allowed.contains(&number) {
                    Some(ALLOW)
                } else if looked_at.contains(&number) {
                    None
                } else {
                    Some(REFUSE)
                };
                prop_assert_eq!(run(&program, number), expected, "{}", number);
            }
        }
    }
}
