//! What `repo.ocu.star` settles: by calls, or by assigning globals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use starlark::environment::{FrozenModule, GlobalsBuilder};
use starlark::starlark_module;
use starlark::values::none::NoneType;
use starlark::values::{Heap, Value};

use super::context::{Context, FileKind};
use super::diagnostics::{Diagnostic, Place, SdkError, Severity, fail};
use super::json;
use super::release::register_function;

/// The settings of a repo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RepoSettings {
    /// The name used in refs instead of the remote's.
    pub alias: Option<String>,
    /// Where the repo can be cloned from, in this order.
    pub remotes: Vec<String>,
    /// Where state lives.
    pub state: Option<StoreConfig>,
    /// Where intent lives, if not with state.
    pub intent: Option<StoreConfig>,
    /// Whether there is a function that starts CI work.
    pub has_trigger: bool,
    /// Globs of release files that `push` skips.
    pub release_ignore: Vec<String>,
    /// Index of the trigger in the module's list of functions.
    #[serde(skip)]
    pub(super) trigger: Option<usize>,
}

/// Where documents live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreConfig {
    /// On a branch of a git repo.
    Git(GitStore),
    /// In a folder.
    Fs(FsStore),
}

/// A store in a git repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitStore {
    /// What git fetches from and pushes to.
    pub remote_url: String,
    /// The branch; by default the remote's default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether to create the branch where it is missing.
    #[serde(default = "yes", deserialize_with = "yes_unless_false")]
    pub create_branch: bool,
    /// Files to write besides, by path from the branch's root.
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "BTreeMap::is_empty")]
    pub support_files: BTreeMap<String, String>,
}

/// A store in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsStore {
    /// The folder, relative to the repo root, or absolute.
    pub path: String,
}

fn yes() -> bool {
    true
}

fn yes_unless_false<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(deserializer)?.unwrap_or(true))
}

fn maybe<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `repo_alias`, `remotes`, `trigger`.
#[starlark_module]
pub(super) fn functions(builder: &mut GlobalsBuilder) {
    /// Names the repo in refs.
    fn repo_alias<'v>(
        name: &str,
        eval: &mut starlark::eval::Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::only_in(FileKind::Repo, "repo_alias", eval)?;
        context.session.repo.borrow_mut().alias = Some(checked_alias(name)?);
        Ok(NoneType)
    }

    /// Says where the repo can be cloned from.
    fn remotes<'v>(
        urls: Value<'v>,
        eval: &mut starlark::eval::Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::only_in(FileKind::Repo, "remotes", eval)?;
        context.session.repo.borrow_mut().remotes = list_of_texts("remotes", urls, eval.heap())?;
        Ok(NoneType)
    }

    /// Names the function that starts CI work at a commit.
    fn trigger<'v>(
        r#fn: Value<'v>,
        eval: &mut starlark::eval::Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::only_in(FileKind::Repo, "trigger", eval)?;
        if r#fn.parameters_spec().is_none() {
            return fail(format!("`trigger` takes a function of the commit, not `{}`", r#fn.to_repr()));
        }
        let index = register_function(eval, r#fn);
        let mut repo = context.session.repo.borrow_mut();
        repo.has_trigger = true;
        repo.trigger = Some(index);
        Ok(NoneType)
    }
}

/// The members of `store`.
#[starlark_module]
pub(super) fn store(builder: &mut GlobalsBuilder) {
    /// A store in a git repo.
    fn git<'v>(
        remote_url: &str,
        branch: Option<Value<'v>>,
        #[starlark(default = true)] create_branch: bool,
        support_files: Option<Value<'v>>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let mut fields = serde_json::Map::new();
        fields.insert("remote_url".to_owned(), Json::from(remote_url));
        fields.insert("create_branch".to_owned(), Json::from(create_branch));
        for (name, value) in [("branch", branch), ("support_files", support_files)] {
            if let Some(value) = value.filter(|value| !value.is_none()) {
                fields.insert(name.to_owned(), json::from_value(value, heap)?);
            }
        }
        let described = serde_json::json!({ "git": fields });
        config(&described)?;
        Ok(json::to_value(&described, heap))
    }

    /// A store in a folder.
    fn fs<'v>(path: &str, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let described = serde_json::json!({ "fs": { "path": path } });
        config(&described)?;
        Ok(json::to_value(&described, heap))
    }

    /// Says where documents live.
    fn set<'v>(
        state: Value<'v>,
        intent: Option<Value<'v>>,
        eval: &mut starlark::eval::Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::only_in(FileKind::Repo, "store.set", eval)?;
        let state = config(&json::from_value(state, eval.heap())?)?;
        let intent = match intent.filter(|intent| !intent.is_none()) {
            Some(intent) => Some(config(&json::from_value(intent, eval.heap())?)?),
            None => None,
        };
        let mut repo = context.session.repo.borrow_mut();
        if repo.state.is_some() {
            return Err(set_twice().into());
        }
        repo.state = Some(state);
        repo.intent = intent;
        Ok(NoneType)
    }
}

fn set_twice() -> SdkError {
    SdkError::hinted(
        "the store is set twice",
        "call `store.set` once, or assign `state_store` and `intent_store`, not both",
    )
}

/// Reads `{"git": {…}}` or `{"fs": {…}}`.
fn config(described: &Json) -> Result<StoreConfig, SdkError> {
    const HINT: &str = "use what `store.git(url)` or `store.fs(path)` returns";
    let wrong = |why: String| SdkError::hinted(format!("this is not a store: {why}"), HINT);
    let store: StoreConfig = match described {
        Json::Object(fields) if fields.len() == 1 => {
            serde_json::from_value(described.clone()).map_err(|error| wrong(error.to_string()))?
        }
        _ => return Err(wrong(format!("`{described}`"))),
    };
    let empty = match &store {
        StoreConfig::Git(git) => git.remote_url.trim().is_empty() || git.branch.as_deref() == Some(""),
        StoreConfig::Fs(fs) => fs.path.is_empty(),
    };
    if empty {
        return Err(wrong("a part of it is empty".to_owned()));
    }
    Ok(store)
}

fn checked_alias(name: &str) -> Result<String, SdkError> {
    // What stands before `/-/` in every ref of the repo.
    match format!("{name}/-/x").parse::<crate::refs::Ref>() {
        Ok(parsed) if parsed.repo() == Some(name) && name != "." => Ok(name.to_owned()),
        Ok(_) => Err(SdkError::new(format!("`{name}` cannot name a repo"))),
        Err(error) => Err(SdkError::new(format!("`{name}` cannot name a repo: {error}"))),
    }
}

fn list_of_texts<'v>(what: &str, value: Value<'v>, heap: Heap<'v>) -> Result<Vec<String>, SdkError> {
    let json = json::from_value(value, heap)?;
    serde_json::from_value(json.clone())
        .map_err(|_| SdkError::new(format!("`{what}` is a list of strings, not `{json}`")))
}

/// Takes over the globals that settle something. A global of value None counts as not set.
pub(super) fn take_globals(
    module: &FrozenModule,
    settings: &mut RepoSettings,
    problems: &mut Vec<Diagnostic>,
) {
    let mut note = |error: SdkError| {
        problems.push(Diagnostic { severity: Severity::Error, ..error.diagnostic().at(&Place::default()) });
    };
    let data = |name: &str| -> Option<Result<Json, SdkError>> {
        let (value, _) = module.get_any_visibility(name).ok()?;
        // A function of that name is the SDK's own, loaded or kept for later.
        if value.value().is_none() || value.value().function_name().is_some() {
            return None;
        }
        let json = Heap::temp(|heap| json::from_value(heap.access_owned_frozen_value(&value), heap));
        Some(json.map_err(|error| SdkError::new(format!("`{name}`: {error}"))))
    };
    let text = |name: &str, json: Json| match json {
        Json::String(text) => Ok(text),
        other => Err(SdkError::new(format!("`{name}` is a string, not `{other}`"))),
    };
    let texts = |name: &str, json: Json| {
        serde_json::from_value::<Vec<String>>(json.clone())
            .map_err(|_| SdkError::new(format!("`{name}` is a list of strings, not `{json}`")))
    };
    if let Some(found) = data("repo_alias") {
        match found.and_then(|json| text("repo_alias", json)).and_then(|name| checked_alias(&name)) {
            Ok(alias) => settings.alias = Some(alias),
            Err(error) => note(error),
        }
    }
    for (name, list) in
        [("repo_remotes", &mut settings.remotes), ("release_ignore", &mut settings.release_ignore)]
    {
        if let Some(found) = data(name) {
            match found.and_then(|json| texts(name, json)) {
                Ok(found) => *list = found,
                Err(error) => note(error),
            }
        }
    }
    let already = settings.state.is_some();
    for (name, slot) in [("state_store", &mut settings.state), ("intent_store", &mut settings.intent)] {
        if let Some(found) = data(name) {
            match found.and_then(|json| config(&json)) {
                Ok(_) if already => note(set_twice()),
                Ok(store) => *slot = Some(store),
                Err(error) => note(error),
            }
        }
    }
    if settings.intent.is_some() && settings.state.is_none() {
        note(SdkError::new("`intent_store` is set, but `state_store` is not"));
    }
}
