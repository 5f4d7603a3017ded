//! The prompt on a terminal: lines that can be edited, with a history and completion.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ocuroot_core::sdk::{Console, Diagnostics, Rest, rest};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span,
    Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};

use super::complete::complete;
use super::state::Stores;
use crate::log_file;
use crate::view::say;

/// How many lines the history keeps.
const HISTORY: usize = 5_000;

/// The name of the menu of completions.
const MENU: &str = "completions";

/// See the [module's page](self).
pub struct Terminal {
    editor: Reedline,
    /// What can be completed.
    names: Arc<Mutex<Vec<String>>>,
    stores: Arc<Stores>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// The terminal of this process. Refs are completed from `stores`.
    #[must_use]
    pub fn new(stores: Arc<Stores>, color: bool) -> Terminal {
        let names = Arc::new(Mutex::new(Vec::new()));
        let completions = Completions { names: Arc::clone(&names), stores: Arc::clone(&stores) };
        let mut keys = default_emacs_keybindings();
        let tab = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(tab));
        let menu = Box::new(ColumnarMenu::default().with_name(MENU));
        let mut editor = Reedline::create()
            .with_ansi_colors(color)
            .with_completer(Box::new(completions))
            .with_partial_completions(true)
            .with_quick_completions(true)
            .with_menu(ReedlineMenu::EngineCompleter(menu))
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_validator(Box::new(Whole));
        if let Some(history) = log_file::home().and_then(|home| history(&home.join("repl_history"))) {
            editor = editor.with_history(Box::new(history));
        }
        Terminal { editor, names, stores }
    }
}

/// The history in a file that only its user can read: secrets may have been typed. None where there
/// can be no such file, which is no reason to do without a prompt.
fn history(path: &Path) -> Option<FileBackedHistory> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::create_dir_all(path.parent()?).ok()?;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).ok()?;
    FileBackedHistory::with_file(HISTORY, path.to_owned()).ok()
}

impl Console for Terminal {
    fn read(&mut self, names: &[String]) -> Option<String> {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names.to_vec();
        loop {
            // What is completed, and what the line reads, is what there is now.
            self.stores.refresh();
            match self.editor.read_line(&Arrows) {
                Ok(Signal::Success(code)) if code.trim().is_empty() => {}
                Ok(Signal::Success(code)) => {
                    // What is evaluated may end this process; and a history is no reason to fail.
                    let _ = self.editor.sync_history();
                    self.stores.refresh();
                    return Some(code);
                }
                Ok(Signal::CtrlD) => return None,
                Ok(_) => {}
                Err(error) => {
                    say(&format!("cannot read the terminal: {error}"));
                    return None;
                }
            }
        }
    }

    fn answer(&mut self, answer: Result<Option<String>, Diagnostics>) -> bool {
        match answer {
            Ok(None) => {}
            Ok(Some(value)) => println(&value),
            Err(diagnostics) => say(diagnostics.to_string().trim_end()),
        }
        true
    }
}

/// Prints an answer. A terminal that is gone ends the next line.
fn println(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// `>>>`, and `...` where a piece of code goes on.
struct Arrows;

impl Prompt for Arrows {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(">>> ")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("... ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}

/// A line is taken once it is whole; a block, once a blank line says that it has ended.
struct Whole;

impl Validator for Whole {
    fn validate(&self, code: &str) -> ValidationResult {
        let blank = code.rsplit('\n').next().is_some_and(|last| last.trim().is_empty());
        match rest(code) {
            Rest::Nothing => ValidationResult::Complete,
            Rest::Block if blank => ValidationResult::Complete,
            Rest::Block | Rest::Inside => ValidationResult::Incomplete,
        }
    }
}

struct Completions {
    names: Arc<Mutex<Vec<String>>>,
    stores: Arc<Stores>,
}

impl Completer for Completions {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let typed = line.get(..position).unwrap_or(line);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (start, found) = complete(typed, &names, |typed| self.stores.completions(typed));
        let span = Span { start, end: typed.len() };
        let suggestion = |value| Suggestion { value, span, ..Suggestion::default() };
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}
