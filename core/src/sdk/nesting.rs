//! How deeply the syntax of a text may nest.
//!
//! The parser and the compiler call themselves for each level of an expression, so a text with
//! thousands of brackets within brackets, or of terms in a sum, would overflow the stack. This
//! looks at the text alone and errs on the side of counting too much. What it lets through needs
//! some megabytes of stack in an unoptimised build; see [`STACK_BYTES`].

/// The stack that [`Program::evaluate`](super::Program::evaluate) may need for the most deeply
/// nested text that it accepts, in an unoptimised build. (Optimised: a fifth of it.)
pub const STACK_BYTES: usize = 32 << 20;

/// Levels of an expression: brackets and operators on the way to its innermost part.
const DEEPEST_EXPRESSION: usize = 200;

/// Levels of indentation.
const DEEPEST_BLOCK: usize = 60;

/// Branches of `if` by `elif` in a file.
const MOST_BRANCHES: usize = 200;

/// Words that make an expression deeper.
const OPERATORS: [&str; 8] = ["not", "lambda", "if", "else", "or", "and", "in", "for"];

/// What stands between two commas: its operators, and the deepest of its brackets.
#[derive(Clone, Copy, Default)]
struct Item {
    operators: usize,
    inner: usize,
}

impl Item {
    fn depth(self) -> usize {
        self.operators + self.inner
    }
}

/// The byte offset where a text nests too deeply.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    // For each open bracket, the item it interrupted and the deepest item that was before it.
    let mut open: Vec<(Item, usize)> = Vec::new();
    let mut item = Item::default();
    let mut deepest = 0;
    let mut indents = vec![0];
    let mut branches = 0;
    let mut index = 0;
    let mut line_start = true;
    while let Some(byte) = at(index) {
        if line_start && open.is_empty() {
            let width = bytes.iter().skip(index).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            index += width;
            line_start = false;
            if matches!(at(index), Some(b'\n' | b'\r' | b'#') | None) {
                continue;
            }
            while indents.last().is_some_and(|last| *last > width) {
                indents.pop();
            }
            if indents.last().is_none_or(|last| *last < width) {
                indents.push(width);
            }
            if indents.len() > DEEPEST_BLOCK {
                return Some(index);
            }
            continue;
        }
        match byte {
            b'\n' => {
                line_start = true;
                if open.is_empty() {
                    item = Item::default();
                    deepest = 0;
                }
            }
            b'#' => {
                while at(index + 1).is_some_and(|byte| byte != b'\n') {
                    index += 1;
                }
            }
            b'"' | b'\'' => index = end_of_string(bytes, index),
            b'(' | b'[' | b'{' => {
                open.push((item, deepest));
                item = Item::default();
                deepest = 0;
            }
            b')' | b']' | b'}' => {
                let inner = deepest.max(item.depth());
                if let Some((outer, before)) = open.pop() {
                    item = Item { operators: outer.operators + 1, inner: outer.inner.max(inner) };
                    deepest = before;
                }
            }
            b',' => {
                deepest = deepest.max(item.depth());
                item = Item::default();
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^' | b'~' | b'<' | b'>' | b'=' | b'.' => {
                item.operators += 1;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let length = bytes
                    .iter()
                    .skip(index)
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count();
                let word = text.get(index..index + length).unwrap_or_default();
                item.operators += usize::from(OPERATORS.contains(&word));
                branches += usize::from(word == "elif");
                index += length.saturating_sub(1);
            }
            _ => {}
        }
        if open.len() + item.depth() > DEEPEST_EXPRESSION || branches > MOST_BRANCHES {
            return Some(index);
        }
        index += 1;
    }
    None
}

/// The offset of the last byte of the string that starts at `start`.
pub(super) fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let at = |index: usize| bytes.get(index).copied();
    let quote = at(start);
    let triple = at(start + 1) == quote && at(start + 2) == quote;
    let mut index = start + if triple { 3 } else { 1 };
    while let Some(byte) = at(index) {
        if byte == b'\\' {
            index += 1;
        } else if !triple && (Some(byte) == quote || byte == b'\n') {
            return index;
        } else if Some(byte) == quote && at(index + 1) == quote && at(index + 2) == quote {
            return index + 2;
        }
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_too_deeply() {
        let deep = [
            "[".repeat(201),
            format!("x = {}1", "1 + ".repeat(201)),
            format!("x = {}1", "not ".repeat(201)),
            format!("x = {}1", "-".repeat(201)),
            format!("x = a{}", ".b".repeat(201)),
            format!("x = a{}", "[0]".repeat(201)),
            format!("x = {}1", "lambda: ".repeat(201)),
            format!("x = ({}1) {}", "1 + ".repeat(150), "+ 1 ".repeat(150)),
            (0..70).map(|n| format!("{}if x:\n", " ".repeat(n))).collect(),
            format!("if x:\n  pass\n{}", "elif x:\n  pass\n".repeat(201)),
        ];
        for text in deep {
            assert!(too_deep(&text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_only_long() {
        let long = [
            "x = 1 + 1\n".repeat(1000),
            format!("x = [{}]", "1 + 1, ".repeat(1000)),
            format!("x = {{\n{}}}", "  'a': f(1, b=2),\n".repeat(1000)),
            format!("x = '{}'", "(+".repeat(1000)),
            format!("x = \"\"\"{}\n\"\"\"", "(+'\\\"\n".repeat(1000)),
            format!("# {}", "((+".repeat(1000)),
            "def f():\n    if x:\n        y = 1\n\n".repeat(1000),
            format!("{}x = 1", "(".repeat(100) + &")".repeat(100)),
        ];
        for text in long {
            assert_eq!(too_deep(&text), None, "{text}");
        }
    }
}
