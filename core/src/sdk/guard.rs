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
}

impl<'e> BeforeStmtFuncDyn<'e> for Guard {
    fn call<'v>(
        &mut self,
        span: FileSpanRef,
        _continued: bool,
        eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        let Some(context) = Context::of(eval) else { return Ok(()) };
        context.last_statement.replace(Some(span.to_file_span()));
        if eval.heap().allocated_bytes() > context.limits().heap_bytes {
            return Err(SdkError::hinted(
                "evaluation was stopped: it uses too much memory",
                "a loop may never end, or a value keeps growing",
            )
            .into());
        }
        let depth = eval.call_stack_count();
        // What ran this deep or deeper has ended, or is what runs now.
        while self.running.last().is_some_and(|(at, _)| *at >= depth) {
            self.running.pop();
        }
        let Some(function) = context.function_around(span) else { return Ok(()) };
        if self.running.iter().any(|(_, running)| *running == function) {
            let mut error: starlark::Error = SdkError::hinted(
                format!(
                    "function `{}` calls itself",
                    eval.call_stack().frames.last().map_or("", |frame| &frame.name)
                ),
                "Starlark has no recursion: use a loop",
            )
            .into();
            if let Some(call) = eval.call_stack_top_location() {
                error.set_span(call.span, &call.file);
            }
            return Err(error);
        }
        self.running.push((depth, function));
        Ok(())
    }
}
