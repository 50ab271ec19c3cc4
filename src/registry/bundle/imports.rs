//! Brings a bundle's imports to its first line.
//!
//! What is left of imports after bundling are those of built-ins. They are
//! hoisted wherever they stand, so they may as well stand first. There, whoever
//! reads the bundle finds them without parsing it, and can give them to code
//! that is no module.

/// A bundle without its imports, each of their lines left empty, and the
/// imports on one line. `None` if something only looks like one: esbuild says
/// how many there are.
pub(super) fn hoist(code: &[u8], count: usize) -> Option<(String, Vec<u8>)> {
    let mut imports = String::new();
    let mut found = 0;
    let mut rest = Vec::with_capacity(code.len());
    let mut lines = code.split_inclusive(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        if !begins_import(line) {
            rest.extend_from_slice(line);
            continue;
        }
        found += 1;
        let mut statement = line.to_vec();
        // Names may stand on lines of their own.
        while !statement.ends_with(b"\";\n") {
            statement.extend_from_slice(lines.next()?);
        }
        let text = std::str::from_utf8(&statement).ok()?;
        rest.resize(rest.len() + text.matches('\n').count(), b'\n');
        imports.extend(text.split_whitespace().flat_map(|word| [word, " "]));
    }
    (found == count).then_some((imports, rest))
}

/// esbuild begins a line with each statement.
fn begins_import(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"import");
    rest.and_then(|rest| rest.first()).is_some_and(|next| b" {*\"".contains(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "var a = 1;\nimport fs from \"node:fs\";\n\n// b.js\nimport {\n  join as \
                        join2,\n  sep\n} from \"path\";\nvar b;\nexport {\n  b as default\n};\n";

    #[test]
    fn imports_come_first_and_every_other_line_stays_where_it_is() {
        let (imports, rest) = hoist(CODE.as_bytes(), 2).unwrap();
        assert_eq!(
            imports,
            "import fs from \"node:fs\"; import { join as join2, sep } from \"path\"; "
        );
        let rest = String::from_utf8(rest).unwrap();
        let lines = |code: &str| code.lines().map(str::to_owned).collect::<Vec<_>>();
        let (before, after) = (lines(CODE), lines(&rest));
        assert_eq!(after.len(), before.len());
        let gone = [1, 4, 5, 6, 7];
        for (index, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(after, if gone.contains(&index) { "" } else { before }, "line {index}");
        }
    }

    #[test]
    fn a_text_with_a_line_like_an_import_is_left_alone() {
        let code = format!("{CODE}var text = `\nimport os from \"node:os\";\n`;\n");
        assert_eq!(hoist(code.as_bytes(), 2), None);
    }

    #[test]
    fn a_dynamic_import_is_none() {
        let code = b"import(\"node:fs\");\nimport.meta.url;\n";
        assert_eq!(hoist(code, 0), Some((String::new(), code.to_vec())));
    }
}
