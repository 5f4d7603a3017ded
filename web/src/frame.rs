//! What stands around every screen: the bar, the places, how fresh what one sees is.

use leptos::prelude::*;
use ocuroot_core::hosts::Kind;
use ocuroot_core::hosts::stores::Located;

use crate::keys::{KEYS, Letters};
use crate::nav::use_nav;
use crate::oauth::Refusal;
use crate::reading::Newer;
use crate::route::Screen;
use crate::store::{Store, use_store};
use crate::ui::{Age, Icon, Moment, Note};
use crate::{account, browser};

/// Where a theme is remembered.
const THEME: &str = "ocuroot-theme";

/// Where it is remembered that newer commits are shown by themselves.
pub const FOLLOW: &str = "ocuroot-follow";

/// Counts beside the places, as far as screens have told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Badges {
    /// Items of the plan.
    pub plan: RwSignal<usize>,
    /// Edits of the draft.
    pub draft: RwSignal<usize>,
}

/// The bar at the top; on a phone its places are at the bottom.
#[component]
pub fn TopBar(
    /// What the store is called.
    #[prop(into)]
    source: Signal<String>,
) -> impl IntoView {
    let nav = use_nav();
    let badges = expect_context::<Badges>();
    let freshness = use_context::<Store>().map(|store| view! { <FreshnessButton store/> });
    let local = use_context::<Located>().is_some_and(|located| located.state.host.source.kind == Kind::Local);
    let signed_in =
        use_context::<Located>().is_some_and(|located| account::token(&located.state.host).is_some());
    // The local server asks nobody who they are.
    let you = (!local).then(|| {
        let label = if signed_in { "Signed in" } else { "Sign in" };
        view! { <a class="btn bare w" href=move || nav.href(Screen::SignIn)>{label}</a> }
    });
    let place = move |name: &'static str,
                      icon: &'static str,
                      screen: Screen,
                      count: Option<RwSignal<usize>>| {
        let target = screen.clone();
        let current = move || {
            let here = nav.route().screen;
            let within = match (&target, &here) {
                (Screen::Environments, Screen::Environment(..) | Screen::Custom) => true,
                (Screen::Overview, Screen::Package(_) | Screen::Release(..)) => true,
                (Screen::Plan, Screen::Diff) => true,
                (Screen::Explorer(_), Screen::Explorer(_)) => true,
                (target, here) => target == here,
            };
            within.then_some(if target == here { "page" } else { "true" })
        };
        let badge = move || {
            let count = count.map_or(0, |count| count.get());
            (count > 0).then(|| view! { <span class="num">{count}</span> })
        };
        view! { <a href=move || nav.href(screen.clone()) aria-current=current><Icon name=icon/>{name} {badge}</a> }
    };
    view! {
        <header class="top">
            <a class="brand w" href=move || nav.href(Screen::Overview)>"ocuroot"</a>
            <a class="btn bare source" href=move || nav.href(Screen::SignIn)>
                <span class="sr">"Source: "</span>
                <span class="cut">{source}</span>
                <Icon name="chev" class="dn"/>
            </a>
            <nav aria-label="Main">
                {place("Overview", "grid", Screen::Overview, None)}
                {place("Environments", "env", Screen::Environments, None)}
                {place("Plan", "plan", Screen::Plan, Some(badges.plan))}
                {place("Explorer", "tree", Screen::Explorer(None), None)}
                {place("Draft", "edit", Screen::Draft, Some(badges.draft))}
            </nav>
            <a class="btn bare end" href=move || nav.href(Screen::Explorer(None)) aria-label="Search or jump">
                <Icon name="search"/>
                <span class="w">"Search or jump"</span>
                <kbd class="w">"/"</kbd>
            </a>
            {freshness}
            <ThemeSwitch/>
            {you}
        </header>
    }
}

/// Which commit one sees, and how old it is; leads to the others.
#[component]
fn FreshnessButton(
    /// What is looked at.
    store: Store,
) -> impl IntoView {
    let nav = use_nav();
    let freshness = store.reading().freshness();
    move || {
        let state = freshness.get().state?;
        let short: String = state.id.chars().take(7).collect();
        let title = format!("State commit {}, {}. Opens time travel", state.id, state.time);
        Some(view! {
            <a class="btn bare stamp" href=move || nav.href(Screen::History) title=title>
                <span class="sr">"Time travel. "</span>
                <span class="w">"State " <code>{short}</code>","</span>
                <span class="n">"As of "</span>
                <Age time=state.time/>
                <span class="ago">" ago"</span>
            </a>
        })
    }
}

/// What is to be said above every screen: that one looks at the past, that the host cannot be reached,
/// that there is something newer.
#[component]
pub fn Notes() -> impl IntoView {
    let nav = use_nav();
    let store = use_store();
    let freshness = store.reading().freshness();
    // An address that says which commit says so for good: the start of a hash may be that of another later.
    Effect::new(move |_| {
        let id = freshness.with(|freshness| freshness.state.as_ref().map(|commit| commit.id.clone()));
        let route = nav.route_now();
        if let (Some(id), Some(at)) = (id, &route.at)
            && id != *at
            && id.starts_with(at.as_str())
        {
            let hash = window().location().hash().unwrap_or_default();
            nav.replace(&format!("{}{hash}", route.at(Some(id))));
        }
    });
    let past = move || {
        let at = nav.route().at?;
        let short: String = at.chars().take(7).collect();
        let time = freshness.get().state.map(|commit| view! { <b><Moment time=commit.time/></b>", " });
        let now = move || nav.route().at(None).to_string();
        Some(view! {
            <Note icon="wait" tone="you">
                <p>{time} "state " <code>{short}</code> ". Nothing can be proposed from here."</p>
                <a class="btn sm" href=now>"Back to now"</a>
            </Note>
        })
    };
    let trouble = Memo::new(move |_| freshness.with(|freshness| freshness.problem.clone()));
    let trouble = move || {
        let problem = trouble.get()?;
        // Before anything is shown, the screen itself says what is wrong.
        let state = freshness.get_untracked().state?;
        let short: String = state.id.chars().take(7).collect();
        Some(view! {
            <Note icon="warn" tone="warn">
                <p><b>{problem.title} ". "</b> "You see state " <code>{short}</code> ", " <Age time=state.time/> " old."</p>
                <button type="button" class="btn sm" on:click=move |_| store.retry()>"Look again"</button>
            </Note>
        })
    };
    let told = Memo::new(move |_| freshness.with(|freshness| freshness.told.clone()));
    let preview = expect_context::<Located>().preview.is_some();
    let told = move || {
        let told = told.get()?;
        let (what, then) = match preview {
            true => ("The file has a mistake. ", "What is shown is from before it:"),
            false => ("This is not the newest. ", "The local server has this trouble:"),
        };
        Some(view! {
            <Note icon="warn" tone="warn">
                <p><b>{what}</b>{then}</p>
                <pre class="told">{told}</pre>
            </Note>
        })
    };
    let newer = Memo::new(move |_| freshness.with(|freshness| freshness.newer));
    let newer = move || {
        let newer = newer.get();
        let follow = move |_| {
            browser::remember(FOLLOW, Some("1"));
            store.reading().follow(true);
            store.reading().show_newer();
        };
        (newer != Newer::Nothing).then(|| {
            let text = match newer {
                Newer::Count(1) => "1 new commit".to_owned(),
                Newer::Count(count) => format!("{count} new commits"),
                Newer::Some | Newer::Nothing => "Newer commits".to_owned(),
            };
            view! {
                <Note icon="run" tone="you">
                    <p><b>{text}</b></p>
                    <button type="button" class="btn sm" on:click=move |_| store.reading().show_newer()>"Show"</button>
                    <button type="button" class="btn sm bare" on:click=follow>"Always show"</button>
                </Note>
            }
        })
    };
    let refusal = expect_context::<Refusal>().0;
    let refused = move || {
        let why = refusal.get()?;
        Some(view! {
            <Note icon="fail" tone="bad">
                <p><b>"Signing in did not work. "</b>{why}</p>
                <a class="btn sm" href=move || nav.href(Screen::SignIn)>"Sign in"</a>
            </Note>
        })
    };
    view! {
        <div role="status">{refused}{past}{trouble}{told}{newer}</div>
        <crate::travel::Scrubber/>
    }
}

/// System, light, dark, in turn.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let theme = RwSignal::new(browser::remembered(THEME));
    Effect::new(move |_| {
        if let Some(root) = document().document_element() {
            let _ = match theme.get() {
                Some(theme) => root.set_attribute("data-theme", &theme),
                None => root.remove_attribute("data-theme"),
            };
        }
    });
    let turn = move |_| {
        theme.update(|theme| {
            *theme = match theme.as_deref() {
                None => Some("light".to_owned()),
                Some("light") => Some("dark".to_owned()),
                _ => None,
            };
        });
        browser::remember(THEME, theme.get_untracked().as_deref());
    };
    let label = move || format!("Theme: {}", theme.get().unwrap_or_else(|| "system".to_owned()));
    view! {
        <button type="button" class="btn bare" aria-label=label title=label on:click=turn><Icon name="theme"/></button>
    }
}

/// The list of keys. Open while `open` is true.
#[component]
pub fn KeysDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let letters = expect_context::<Letters>();
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if open.get() {
            let _ = dialog.show_modal();
        } else {
            dialog.close();
        }
    });
    let rows = KEYS.map(|(keys, what)| view! { <dt><kbd>{keys}</kbd></dt><dd>{what}</dd> }.into_any());
    let rows = Vec::from(rows);
    view! {
        <dialog node_ref=dialog class="keys" aria-labelledby="h-keys" on:close=move |_| open.set(false)>
            <section class="sec">
                <h2 id="h-keys">"Keys"</h2>
                <dl class="kv">{rows}</dl>
                <p class="check">
                    <input
                        type="checkbox"
                        id="letters"
                        prop:checked=move || letters.0.get()
                        on:change=move |event| letters.set(event_target_checked(&event))
                    />
                    <label for="letters">"Single letters do something"</label>
                </p>
                <p class="row"><button type="button" class="btn" on:click=move |_| open.set(false)>"Close"</button></p>
            </section>
        </dialog>
    }
}
