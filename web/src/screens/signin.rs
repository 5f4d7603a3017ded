//! Which store to look at, and as whom.

use leptos::prelude::*;
use leptos::web_sys;
use ocuroot_core::hosts::signin;
use ocuroot_core::hosts::stores::{self, Located, Offered};
use ocuroot_core::hosts::{Kind, Source, Token};

use crate::nav::use_nav;
use crate::oauth::{self, Refusal};
use crate::route::{Place, Route, Screen};
use crate::sources::{Listed, Sources};
use crate::ui::{Command, Icon, Title};
use crate::{account, cache};

/// The screen.
#[component]
pub fn SignIn() -> impl IntoView {
    let sources = use_context::<Sources>();
    // A page of `state view` may ask nobody else.
    let only_local = Memo::new(move |_| sources.is_some_and(|sources| sources.0.with(Listed::is_local)));
    move || match only_local.get() {
        true => view! { <OfThisMachine/> }.into_any(),
        false => view! { <Anywhere/> }.into_any(),
    }
}

/// A page that the program serves whose store it shows: there is nothing to choose, and nobody to be.
#[component]
fn OfThisMachine() -> impl IntoView {
    let located = use_context::<Located>();
    let preview = located.as_ref().is_some_and(|located| located.preview.is_some());
    let name = located.map(|located| located.name).unwrap_or_default();
    let (program, what) = match preview {
        true => ("ocuroot preview", "what a release file would make, as it is now"),
        false => ("ocuroot state view", "the store of the repo in which it was started"),
    };
    let home = move || Route { place: Place::Default, ..Route::default() }.to_string();
    view! {
        <Title text="Source"/>
        <main id="main">
            <header class="head">
                <h1 tabindex="-1">"Source"</h1>
                <p class="meta"><span>{name}</span></p>
            </header>
            <section class="sec" aria-labelledby="h-src">
                <h2 id="h-src">"Where this comes from"</h2>
                <p>
                    <code>{program}</code>
                    {format!(" serves this page and {what}. It reads that as whoever started it: nobody signs in, and the page asks no other host.")}
                </p>
                <p class="row"><a class="btn pri" href=home>"Open"</a></p>
            </section>
            <section class="sec" aria-labelledby="h-other">
                <h2 id="h-other">"Stores on GitHub, GitLab, Gitea or Forgejo"</h2>
                <p>
                    "The same dashboard as a folder of files, on any static host, reads those from their hosts, \
                     as whoever looks at it. This writes the folder:"
                </p>
                <Command text="ocuroot state view --export public"/>
            </section>
        </main>
    }
}

/// A page that may read any store.
#[component]
fn Anywhere() -> impl IntoView {
    let nav = use_nav();
    let given = match nav.route_now().place {
        Place::Given(given) => given.source.parse::<Source>().ok().map(|source| source.kind),
        Place::Default | Place::Named(_) => None,
    };
    let located = use_context::<Located>();
    let here = located.as_ref().map(|located| located.state.host.source.kind);
    // What is said of tokens is said of this kind of host.
    let kind = RwSignal::new(given.or(here).unwrap_or(Kind::GitHub));
    let host = located.map(|located| view! { <You located/> });
    view! {
        <Title text="Open a source"/>
        <main id="main" class="split wide">
            <div>
                <header class="head">
                    <h1 tabindex="-1">"Open a source"</h1>
                    <p class="meta">
                        <span>"This page is a folder of files. It talks only to the host you name here, as you."</span>
                    </p>
                </header>
                <Where kind/>
                {host}
            </div>
            <div class="side">
                <Offers/>
                <Show when=move || kind.get() != Kind::Local>
                    <MayDo kind/>
                    <Rights kind/>
                </Show>
            </div>
        </main>
    }
}

const KINDS: [(Kind, &str, &str); 4] = [
    (Kind::GitHub, "GitHub", "acme/releases"),
    (Kind::GitLab, "GitLab", "gitlab.com/acme/releases"),
    (Kind::Gitea, "Gitea, Forgejo", "git.example.org/acme/releases"),
    (Kind::Local, "Local", ""),
];

/// The form that names a store.
#[component]
fn Where(
    /// What kind of host it is on.
    kind: RwSignal<Kind>,
) -> impl IntoView {
    let nav = use_nav();
    let now = match nav.route_now().place {
        Place::Given(given) => given,
        Place::Default | Place::Named(_) => Offered::default(),
    };
    let sources = use_context::<Sources>();
    // A static host has no store beside the page, unless somebody says so.
    let has_local = Memo::new(move |_| {
        kind.get() == Kind::Local || sources.is_some_and(|sources| sources.0.with(Listed::has_local))
    });
    let repo = RwSignal::new(now.source.split_once(':').map_or("", |(_, rest)| rest).to_owned());
    let state = RwSignal::new(now.state.clone().unwrap_or_default());
    let intent = RwSignal::new(now.intent.clone().unwrap_or_default());
    let problem = RwSignal::new(None::<String>);
    let button = move |&(of, name, _): &(Kind, &'static str, &str)| {
        view! {
            <button
                type="button"
                class="btn"
                aria-pressed=move || (kind.get() == of).to_string()
                on:click=move |_| kind.set(of)
            >
                {name}
            </button>
        }
    };
    let kinds = move || {
        let offered = KINDS.iter().filter(|(of, ..)| has_local.get() || *of != Kind::Local);
        offered.map(button).collect_view()
    };
    let form = move || KINDS.iter().find(|(of, ..)| *of == kind.get()).map_or("", |(.., form)| form);
    let open = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let text = |signal: RwSignal<String>| {
            Some(signal.get_untracked().trim().to_owned()).filter(|t| !t.is_empty())
        };
        let source = match kind.get_untracked() {
            Kind::Local => "local".to_owned(),
            kind => format!("{}:{}", kind.word(), text(repo).unwrap_or_default()),
        };
        // Roots that somebody gave for this very source stay with it.
        let same = now.source == source;
        let given = Offered {
            source,
            state: text(state),
            intent: text(intent),
            api: now.api.clone().filter(|_| same),
            raw: now.raw.clone().filter(|_| same),
            ..Offered::default()
        };
        match given.locate() {
            Err(error) => problem.set(Some(error.to_string())),
            Ok(located) => {
                problem.set(None);
                // Who needs no token, or has one, sees the store at once.
                let screen = match account::token(&located.state.host) {
                    None if located.state.host.source.kind != Kind::Local => Screen::SignIn,
                    _ => Screen::Overview,
                };
                nav.go(&Route { place: Place::Given(given), screen, ..Route::default() }.to_string());
            }
        }
    };
    let field = move |name: &'static str, value: RwSignal<String>, hint: Signal<&'static str>| {
        view! {
            <label class="fld">
                {name}
                <span class="in">
                    <input
                        autocomplete="off"
                        spellcheck="false"
                        autocapitalize="none"
                        placeholder=hint
                        prop:value=value
                        on:input=move |event| value.set(event_target_value(&event))
                    />
                </span>
            </label>
        }
    };
    view! {
        <form on:submit=open>
            <section class="sec" aria-labelledby="h-src">
                <h2 id="h-src">"1. Source"</h2>
                <div class="row"><span class="seg" role="group" aria-label="Host">{kinds}</span></div>
                <Show when=move || kind.get() != Kind::Local>
                    <div class="row">
                        {field("Repository", repo, Signal::derive(form))}
                        {field("State branch", state, "its default branch".into())}
                        {field("Intent branch", intent, "the same as state".into())}
                    </div>
                </Show>
                <Show when=move || kind.get() == Kind::Local>
                    <p>"The store of the repo in which " <code>"ocuroot state view"</code> " serves this page."</p>
                </Show>
                {move || problem.get().map(|problem| view! { <p class="c bad" role="alert">{problem}</p> })}
                <p class="row"><button class="btn pri">"Open"</button></p>
            </section>
        </form>
    }
}

/// Who one is to the host of the store that is looked at.
#[component]
fn You(
    /// That store.
    located: Located,
) -> impl IntoView {
    let nav = use_nav();
    let located_copy = located.clone();
    let host = StoredValue::new(located.state.host);
    let name = located.name.clone();
    let kind = host.with_value(|host| host.source.kind);
    let known = RwSignal::new(host.with_value(|host| account::token(host).is_some()));
    let typed = RwSignal::new(String::new());
    let on_device = RwSignal::new(host.with_value(account::is_remembered));
    if kind == Kind::Local {
        return ().into_any();
    }
    let open = move || Route { screen: Screen::Overview, ..nav.route() }.to_string();
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if let Some(token) = Token::new(&typed.get_untracked()) {
            host.with_value(|host| account::keep(host, &token, on_device.get_untracked()));
            known.set(true);
            // Everything is read anew, as whom one is now: the page is loaded, not only its address.
            let _ = window().location().set_search(&open());
        }
    };
    let forget = move |_| {
        host.with_value(oauth::forget);
        // What only they may read does not stay behind.
        cache::forget_everything();
        known.set(false);
    };
    let named = host.with_value(|host| match (host.is_derived(), stores::origin(&host.api)) {
        (false, Some(origin)) => origin.to_owned(),
        _ => host.source.host.clone(),
    });
    let refusal = expect_context::<Refusal>();
    let login = located_copy.clone();
    let with_login = host.with_value(oauth::is_offered).then(|| view! { <Login located=login on_device/> });
    let forms =
        host.with_value(|host| signin::token_form_url(host).filter(|_| host.is_derived())).map(|url| {
            view! {
                <p class="row">
                    <a class="btn" href=url target="_blank" rel="noopener noreferrer">
                        "Make a token that reads" <Icon name="ext"/>
                    </a>
                </p>
            }
        });
    view! {
        <section class="sec" aria-labelledby="h-tok">
            <h2 id="h-tok">"2. You"</h2>
            {move || refusal.0.get().map(|why| view! { <p class="c bad" role="alert">{why}</p> })}
            {with_login}
            <p>{match kind {
                Kind::GitHub => format!(
                    "{named} has no login that a page without a server can use. Make a token for this one \
                     repository, then paste it."
                ),
                _ => format!("Make a token on {named} that may read this repository, then paste it."),
            }}</p>
            {forms}
            <form on:submit=keep>
                <label class="fld">
                    "Token"
                    <span class="in">
                        <input
                            type="password"
                            autocomplete="off"
                            prop:value=typed
                            on:input=move |event| typed.set(event_target_value(&event))
                        />
                    </span>
                </label>
                <Show when=move || typed.with(|typed| !typed.trim().is_empty() && Token::new(typed).is_none())>
                    <p class="bad" role="alert">
                        "This is no token: a token has no spaces, and only letters, digits and signs of ASCII."
                    </p>
                </Show>
                <p class="check">
                    <input
                        type="checkbox"
                        id="remember"
                        prop:checked=on_device
                        on:change=move |event| on_device.set(event_target_checked(&event))
                    />
                    <label for="remember">
                        "Remember on this device. "
                        <span class="dim">"Otherwise it is gone when this tab closes."</span>
                    </label>
                </p>
                <p class="row">
                    <button class="btn pri" disabled=move || typed.with(|typed| Token::new(typed).is_none())>
                        {format!("Open {name} with it")}
                    </button>
                    <Show when=move || known.get()>
                        <a class="btn" href=open>"Open with the token that is kept"</a>
                        <button type="button" class="btn" on:click=forget>"Forget it"</button>
                    </Show>
                    <Show when=move || !known.get()>
                        <a class="btn" href=open>"Read without a token"</a>
                    </Show>
                </p>
            </form>
        </section>
    }
    .into_any()
}

/// Signing in at the host itself.
#[component]
fn Login(
    /// The store that is looked at.
    located: Located,
    /// Whether the token is to stay when the tab is closed.
    on_device: RwSignal<bool>,
) -> impl IntoView {
    let nav = use_nav();
    let known = oauth::client_id(&located);
    let is_given = located.client_id.is_some();
    let id = RwSignal::new(known.unwrap_or_default());
    let host = located.state.host;
    let (named, scope) = (
        host.source.host.clone(),
        if host.source.kind == Kind::GitLab { "api" } else { "read:user, write:repository" },
    );
    let begin = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let id = id.get_untracked().trim().to_owned();
        if !id.is_empty() {
            if !is_given {
                oauth::remember_client_id(&host, &id);
            }
            let back = Route { screen: Screen::Overview, ..nav.route_now() };
            oauth::begin(&host, &id, on_device.get_untracked(), &back);
        }
    };
    view! {
        <form on:submit=begin>
            <Show when=move || !is_given>
                <p>
                    "You are sent to the host, agree there, and come back (OAuth 2 with PKCE). That needs one \
                     application, registered once by anybody on that host:"
                </p>
                <dl class="kv">
                    <dt>"Redirect to"</dt>
                    <dd><code>{oauth::redirect()}</code></dd>
                    <dt>"Kind"</dt>
                    <dd>"public, not confidential"</dd>
                    <dt>"Scope"</dt>
                    <dd><code>{scope}</code></dd>
                </dl>
                <label class="fld">
                    "Application id"
                    <span class="in">
                        <input
                            autocomplete="off"
                            spellcheck="false"
                            prop:value=id
                            on:input=move |event| id.set(event_target_value(&event))
                        />
                    </span>
                </label>
            </Show>
            <p class="row">
                <button class="btn" disabled=move || id.with(|id| id.trim().is_empty())>
                    {format!("Sign in with {named}")}
                </button>
                <span class="dim">"or paste a token"</span>
            </p>
        </form>
    }
}

/// The stores that the page offers.
#[component]
pub fn Offers() -> impl IntoView {
    let sources = expect_context::<Sources>();
    let rows = move || match sources.0.get() {
        Listed::Reading => None,
        Listed::Broken(why) => Some(view! { <p class="c bad">{why}</p> }.into_any()),
        Listed::These(stores) if stores.is_empty() => None,
        Listed::These(stores) => {
            let rows = stores.into_iter().map(|store| {
                let place = Place::Named(store.title().to_owned());
                let href = Route { place, ..Route::default() }.to_string();
                let (title, source) = (store.title().to_owned(), store.source.clone());
                let source = source.split_once(':').map_or(source.clone(), |(kind, _)| kind.to_owned());
                view! {
                    <li><Icon name="env"/><a href=href><b>{title}</b></a><span class="dim">{source}</span></li>
                }
            });
            Some(view! { <ul class="list" role="list">{rows.collect_view()}</ul> }.into_any())
        }
    };
    move || {
        rows().map(|rows| {
            view! {
                <section class="sec" aria-labelledby="h-list">
                    <h2 id="h-list">"Sources you know " <small>"from stores.json"</small></h2>
                    {rows}
                </section>
            }
        })
    }
}

/// What the page can do with which token.
#[component]
fn MayDo(
    /// What kind of host it is.
    kind: RwSignal<Kind>,
) -> impl IntoView {
    let yes = || view! { <span class="st ok"><Icon name="ok"/>"yes"</span> }.into_any();
    let no = || view! { <span class="dim">"no"</span> }.into_any();
    let rate = move || {
        (kind.get() == Kind::GitHub).then(|| {
            view! { <tr><th scope="row">"Requests an hour"</th><td>"60"</td><td>"5,000"</td></tr> }
        })
    };
    view! {
        <section class="sec" aria-labelledby="h-may">
            <h2 id="h-may">"What each may do"</h2>
            <table class="tbl">
                <thead>
                    <tr>
                        <th scope="col">"With"</th>
                        <th scope="col">"No token"</th>
                        <th scope="col">"A token that reads"</th>
                    </tr>
                </thead>
                <tbody>
                    <tr><th scope="row">"Public source"</th><td>{yes()}</td><td>{yes()}</td></tr>
                    <tr><th scope="row">"Private source"</th><td>{no()}</td><td>{yes()}</td></tr>
                    {rate}
                </tbody>
            </table>
        </section>
    }
}

/// What a token needs, as the host calls it.
fn rights(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::GitHub => &[
            ("Repository", "only the one of the store"),
            ("Contents", "read"),
            ("Pull requests", "read, to see open proposals"),
        ],
        Kind::GitLab => &[("Scope", "read_api"), ("Your role", "one that may read the repository")],
        Kind::Gitea => &[("Repository", "read"), ("Your rights", "may read the repository")],
        Kind::Local => &[],
    }
}

/// What a token needs, and where it goes.
#[component]
fn Rights(
    /// What kind of host it is for.
    kind: RwSignal<Kind>,
) -> impl IntoView {
    let rows = move || {
        let rows = rights(kind.get()).iter().map(|(name, what)| view! { <dt>{*name}</dt><dd>{*what}</dd> });
        rows.collect_view()
    };
    view! {
        <section class="sec" aria-labelledby="h-right">
            <h2 id="h-right">"Rights of the token"</h2>
            <dl class="kv">
                {rows}
                <dt>"Anything else"</dt>
                <dd>"none"</dd>
            </dl>
        </section>
        <section class="sec" aria-labelledby="h-where">
            <h2 id="h-where">"Where the token goes"</h2>
            <p>
                "Into this tab's memory, or this device's if you say so, and in requests to the host's API. \
                 Never into a link, a log or another site."
            </p>
        </section>
    }
}
