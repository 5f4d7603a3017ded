//! What keeps a file from running forever, and a function from calling itself.

use starlark::codemap::{CodeMapId, FileSpanRef};
use starlark::eval::{BeforeStmtFuncDyn, Evaluator};

use super::context::Context;
use super::diagnostics::SdkError;

/// Watches every statement. Steps are counted by the interpreter; memory is checked here too,
/// because it only looks every thousand steps, and doubling a string does not take that many.
#[derive(Default)]
pub(super) struct Guard {
    /// The functions that are running, outermost first: how deep in the stack, and which.
    running: Vec<(usize, (CodeMapId, usize))>,
    /// How deep the stack was at the last statement.
    depth: usize,
}

impl<'e> BeforeStmtFuncDyn<'e> for Guard {
    fn call<'v>(
        &mut self,
        span: FileSpanRef,
        _continued: bool,
        eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        let Some(context) = Context::of(eval) else { return Ok(()) };
        if eval.heap().allocated_bytes() > context.limits().heap_bytes {
            return Err(SdkError::hinted(
                "evaluation was stopped: it uses too much memory",
                "a loop may never end, or a value keeps growing",
            )
            .into());
        }
        let depth = eval.call_stack_count();
        // A deeper stack is a call; an equal one may be the next call from the same place.
        self.running.retain(|(at, _)| *at < depth);
        self.depth = depth;
        let Some((function, name)) = context.function_around(span) else { return Ok(()) };
        if self.running.iter().any(|(_, running)| *running == function) {
            return Err(SdkError::hinted(
                format!("function `{name}` calls itself"),
                "Starlark has no recursion: use a loop",
            )
            .into());
        }
        self.running.push((depth, function));
        Ok(())
    }
}
